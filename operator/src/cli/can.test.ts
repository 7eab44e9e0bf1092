/** Answers about the shop of the examples, as a shell sees them. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT, ran } from '../../test/documentation.ts'

const SHOP = join(ROOT, 'operator/examples/shop')

const SMALL = `
{apiVersion: v1, kind: Service, metadata: {name: server}, spec: {selector: {app: server}, ports: [{port: 80, appProtocol: http}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec: {serviceAccountName: server, containers: [{name: app, ports: [{containerPort: 80}]}]}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: client}}
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: routes}
spec: {matches: [{name: pay, pathRegex: /pay, methods: [GET]}, {name: role, headers: {x-role: admin}}]}
---
apiVersion: access.smi-spec.io/v1alpha4
kind: TrafficTarget
metadata: {name: target}
spec:
  destination: {kind: ServiceAccount, name: server, namespace: default}
  sources: [{kind: ServiceAccount, name: client, namespace: default}]
  rules: [{kind: HTTPRouteGroup, name: routes}]
`

const can = async (...words: readonly string[]) => {
  const { printed, code } = await ran(['can', '-f', SHOP, ...words])
  return { first: printed.split('\n')[0], printed, code }
}

test('a call that a rule allows is answered with the rule, the route and the shares', async () => {
  const { printed, code } = await can('-n', 'web', 'sa/storefront', 'GET', '/checkout', 'checkout.shop:8080')
  assert.equal(code, 0)
  assert.match(printed, /^yes: TrafficTarget shop\/storefront-to-checkout allows it \(rule traffictarget\//)
  assert.match(printed, /route {3}TrafficSplit shop\/checkout-canary/)
  assert.match(printed, /90\.0 % {2}shop\/checkout-v1:8080 {2}yes/)
  assert.match(printed, /access {2}enforce\n.*--path-regex start/)
})

test('what no rule allows is refused, whoever asks and however it differs', async () => {
  const refused = /^no: No TrafficTarget lets ServiceAccount web\/storefront do this, and access is enforced there\.$/
  for (const [method, path, host] of [
    ['DELETE', '/checkout', 'checkout.shop'],
    ['GET', '/admin', 'checkout.shop'],
    ['GET', '/pay', 'payments.shop'],
  ] as const) {
    const { first, code } = await can('-n', 'web', 'sa/storefront', method, path, host)
    assert.match(first ?? '', refused)
    assert.equal(code, 1)
  }
})

test('a caller is named with its namespace, or is in the one of -n', async () => {
  const call = ['GET', '/pay', 'payments.shop'] as const
  assert.equal((await can('sa/shop/checkout', ...call)).code, 0)
  assert.equal((await can('-n', 'shop', 'sa/checkout', 'GET', '/pay', 'payments')).code, 0)
  assert.equal((await can('sa/checkout', ...call)).code, 1)
})

test('callers without an identity are let in where the namespace says so', async () => {
  assert.match(
    (await can('-n', 'web', 'unidentified', 'GET', '/', 'storefront')).first ?? '',
    /^yes: .*unidentified: allow/,
  )
  assert.match(
    (await can('-n', 'shop', 'unidentified', 'GET', '/pay', 'payments')).first ?? '',
    /^no: .*are refused there\.$/,
  )
})

test('another mode or reach of expressions is another answer', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-can-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'all.yaml'), SMALL)
  const asked = async (...words: readonly string[]) => (await ran(['can', '-f', folder, ...words])).code
  assert.equal(await asked('sa/client', 'GET', '/payments', 'server'), 0) // /pay fits its start
  assert.equal(await asked('--path-regex', 'full', 'sa/client', 'GET', '/payments', 'server'), 1)
  assert.equal(await asked('sa/client', 'POST', '/pay', 'server'), 1)
  assert.equal(await asked('--access', 'audit', 'sa/client', 'POST', '/pay', 'server'), 0)
})

test('a header given several times is asked about as it would be sent', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-can-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'all.yaml'), SMALL)
  const asked = async (...roles: readonly string[]) =>
    (
      await ran([
        'can',
        '-f',
        folder,
        'sa/client',
        'GET',
        '/',
        'server',
        ...roles.flatMap(role => ['-H', `X-Role: ${role}`]),
      ])
    ).code
  assert.deepEqual([await asked('admin'), await asked('guest', 'admin'), await asked('admin', 'guest')], [0, 1, 1])
})

test('who and what the files do not know is said', async () => {
  const caller = await can('-n', 'web', 'sa/storefrnt', 'GET', '/checkout', 'checkout.shop:8080')
  assert.match(caller.printed, /The files have no ServiceAccount web\/storefrnt, and no pod that runs as it\./)
  assert.equal(caller.code, 1)
  assert.doesNotMatch(
    (await can('-n', 'web', 'sa/storefront', 'GET', '/', 'checkout.shop')).printed,
    /The files have no/,
  )
  assert.match(
    (await can('-n', 'web', 'sa/storefront', 'checkout:8080')).printed,
    /no Service checkout in namespace web\./,
  )
  assert.match((await can('-n', 'web', 'sa/storefront', 'checkot.shop:8080')).printed, /no Service checkot\.shop\./)
  assert.match((await can('-n', 'web', 'sa/storefront', 'checkout.shop:1')).printed, /The Service has no port 1\./)
})

test('plain bytes are not let in where HTTP is spoken', async () => {
  const { first, code } = await can('-n', 'shop', 'sa/checkout', 'payments:8080')
  assert.match(first ?? '', /^no: The port speaks HTTP, so the proxies answer 400 to plain bytes\./)
  assert.equal(code, 1)
})

test('programs get the whole decision', async () => {
  const { printed, code } = await can('-o', 'json', '-n', 'shop', 'sa/checkout', 'GET', '/pay', 'payments')
  const answer = JSON.parse(printed)
  assert.deepEqual([code, answer.allowed, answer.decision.kind, answer.pathRegex], [0, 'yes', 'routed', 'start'])
})

test('words that make no call are not understood, and it is said which would', async () => {
  for (const [words, message] of [
    [['storefront', 'GET', '/', 'payments.shop'], /Write the caller as sa\/<service account>, or `unidentified`/],
    [['sa/a', 'GET', 'payments.shop'], /Write `<method> <path> <host>:<port>`/],
    [['sa/a', 'GET', '/', 'nobody.shop'], /There is no Service nobody\.shop; name one that the files have/],
    [['-H', 'x', 'sa/a', 'GET', '/', 'payments.shop'], /Write <name>:<value>/],
    [['--access', 'maybe', 'sa/a', 'payments.shop'], /Allowed choices are enforce, audit, permissive/],
  ] as const) {
    const { printed, code } = await can(...words)
    assert.equal(code, 2)
    assert.match(printed, message)
  }
})

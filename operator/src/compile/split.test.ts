/** TrafficSplit, rule by rule, as a user meets it: YAML in, shares and conditions out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manifests, world } from '../../testdata/world.ts'

/** A split of Service web; `more` is further YAML of its spec, `metadata` of its metadata. */
function split(name: string, backends: Readonly<Record<string, number>>, more = '', metadata = ''): string {
  const list = Object.entries(backends).map(([service, weight]) => `{service: ${service}, weight: ${weight}}`)
  return `
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: ${name}, namespace: shop${metadata}}
spec: {service: web, backends: [${list.join(', ')}]${more}}
`
}

const service = (name: string, ports: string, more = '') => `
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {selector: {app: web}, ports: [${ports}]${more}}
`

const group = (name: string, ...routes: readonly string[]) => `
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: ${name}, namespace: shop}
spec: {matches: [${routes.map((route, at) => `{name: r${at}, ${route}}`).join(', ')}]}
`

const CANARY = 'TrafficSplit shop/canary'
const itself = { 'shop/web:80': 1 }

test('without a split a Service gets its own traffic', () => {
  assert.deepEqual(world('').shares('shop/web:80'), itself)
})

test('the share of a backend is its weight by the sum of all weights', () => {
  const shares = (a: number, b: number) => world(split('canary', { 'web-v1': a, 'web-v2': b })).shares('shop/web:80')
  assert.deepEqual(shares(1000, 500), { 'shop/web-v1:80': 2 / 3, 'shop/web-v2:80': 1 / 3 })
  assert.deepEqual(shares(90, 10), { 'shop/web-v1:80': 0.9, 'shop/web-v2:80': 0.1 })
  assert.deepEqual(shares(1, 1), { 'shop/web-v1:80': 0.5, 'shop/web-v2:80': 0.5 })
})

test('a split does not change what the backends get when they are called by name', () => {
  assert.deepEqual(world(split('canary', { 'web-v1': 1, 'web-v2': 1 })).shares('shop/web-v1:80'), {
    'shop/web-v1:80': 1,
  })
})

test('a backend of weight 0 gets nothing and need not exist', () => {
  const made = world(split('canary', { 'web-v1': 1, 'web-v3': 0 }))
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 1 })
  assert.deepEqual(made.reasons(CANARY), [])
})

test('a split whose weights are all 0 answers 503', () => {
  const made = world(split('canary', { 'web-v1': 0, 'web-v2': 0 }))
  assert.equal(made.shares('shop/web:80'), 503)
  assert.deepEqual(made.reasons(CANARY), ['AllWeightsZero'])
})

test('a backend that does not exist is left out, and the others share its traffic', () => {
  const made = world(split('canary', { 'web-v1': 1, gone: 9 }))
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 1 })
  assert.deepEqual(made.reasons(CANARY), ['BackendNotFound'])
})

test('who takes the traffic of a backend that does not exist is told truly', () => {
  const told = (backends: Readonly<Record<string, number>>) =>
    world(split('canary', backends)).findings.get(CANARY)?.[0]?.message
  assert.match(told({ 'web-v1': 1, gone: 9 }) ?? '', /does not exist; the other backends share its traffic\./)
  assert.match(
    told({ 'web-v1': 0, gone: 9, 'gone-too': 1 }) ?? '',
    /does not exist; nor does any other backend with a weight\./,
  )
})

test('a split of which no backend can be used leaves the Service as it was', () => {
  const made = world(split('canary', { 'web-v1': 0, gone: 9 }))
  assert.deepEqual(made.shares('shop/web:80'), itself)
  assert.deepEqual(made.reasons(CANARY), ['BackendNotFound', 'NoUsableBackend'])
})

test('an ExternalName Service is no backend', () => {
  const made = world(
    split('canary', { 'web-v1': 1, ext: 1 }) +
      service('ext', '{port: 80}', ', type: ExternalName, externalName: example.com'),
  )
  assert.deepEqual(made.reasons(CANARY), ['BackendNotFound'])
})

test('a backend without the apex port receives no traffic of that port, and all of the others', () => {
  const two = '{name: http, port: 80, targetPort: 8080}, {name: http-b, port: 81, targetPort: 8080}'
  const made = world(split('canary', { 'web-v1': 1, both: 1 }) + service('web', two) + service('both', two))
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 0.5, 'shop/both:80': 0.5 })
  assert.deepEqual(made.shares('shop/web:81'), { 'shop/both:81': 1 })
  assert.deepEqual(made.reasons(CANARY), ['PortNotFound'])
})

test('ports are compared by number, and target ports may differ', () => {
  const made = world(
    split('canary', { 'web-v1': 1, other: 1 }) + service('other', '{name: http, port: 80, targetPort: 9999}'),
  )
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 0.5, 'shop/other:80': 0.5 })
  assert.deepEqual(made.reasons(CANARY), [])
})

test('the apex among its own backends means its own endpoints, once', () => {
  const made = world(split('canary', { web: 3, 'web-v2': 1 }))
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web:80': 0.75, 'shop/web-v2:80': 0.25 })
  assert.deepEqual(made.reasons(CANARY), [])
})

test('a backend that is itself split is not split again', () => {
  const nested = split('nested', { 'web-v2': 1 }).replace('service: web,', 'service: web-v1,')
  const made = world(split('canary', { 'web-v1': 1 }) + nested)
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 1 })
  assert.deepEqual(made.shares('shop/web-v1:80'), { 'shop/web-v2:80': 1 })
  assert.deepEqual(made.reasons(CANARY), ['NestedSplit'])
})

test('splits that lead to each other in a circle are each applied once', () => {
  const back = split('back', { web: 1 }).replace('service: web,', 'service: web-v1,')
  const made = world(split('canary', { 'web-v1': 1 }) + back)
  assert.deepEqual([made.shares('shop/web:80'), made.shares('shop/web-v1:80')], [{ 'shop/web-v1:80': 1 }, itself])
})

test('of two splits of one Service the older one wins, and the other is told so', () => {
  const made = world(
    split('a-new', { 'web-v2': 1 }, '', ', creationTimestamp: 2026-01-02T00:00:00Z') +
      split('b-old', { 'web-v1': 1 }, '', ', creationTimestamp: 2026-01-01T00:00:00Z'),
  )
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 1 })
  assert.deepEqual(made.reasons('TrafficSplit shop/a-new'), ['Conflicted'])
  assert.deepEqual(made.reasons('TrafficSplit shop/b-old'), [])
})

test('splits of the same age are taken in the order of their names', () => {
  const made = world(split('b', { 'web-v2': 1 }) + split('a', { 'web-v1': 1 }))
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 1 })
})

test('an older split with matches and a newer one without work together', () => {
  const made = world(
    group('beta', 'headers: {x-beta: "1"}') +
      split('a', { 'web-v2': 1 }, ', matches: [{kind: HTTPRouteGroup, name: beta}]') +
      split('b', { 'web-v1': 1 }),
  )
  assert.deepEqual(made.shares('shop/web:80', { headers: { 'X-Beta': '1' } }), { 'shop/web-v2:80': 1 })
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 1 })
  assert.deepEqual(made.reasons('TrafficSplit shop/b'), [])
})

test('a split whose matches are all taken by an older one conflicts', () => {
  const matches = ', matches: [{kind: HTTPRouteGroup, name: beta}]'
  const made = world(
    group('beta', 'headers: {x-beta: "1"}') +
      split('a', { 'web-v2': 1 }, matches) +
      split('b', { 'web-v1': 1 }, matches),
  )
  assert.deepEqual(made.reasons('TrafficSplit shop/b'), ['Conflicted'])
})

test('of several older splits the one that takes the requests is blamed', () => {
  const beta = ', matches: [{kind: HTTPRouteGroup, name: beta}]'
  const both = ', matches: [{kind: HTTPRouteGroup, name: beta}, {kind: HTTPRouteGroup, name: gamma}]'
  const groups = group('beta', 'headers: {x-beta: "1"}') + group('gamma', 'headers: {x-gamma: "1"}')
  const blamed = (yaml: string) => world(groups + yaml).findings.get('TrafficSplit shop/c')?.[0]?.message ?? ''
  const gamma = ', matches: [{kind: HTTPRouteGroup, name: gamma}]'
  const plain = split('a', { 'web-v2': 1 }, beta) + split('b', { 'web-v1': 1 }) + split('c', { 'web-v2': 1 })
  assert.match(blamed(plain), /^TrafficSplit shop\/b takes every request/)
  const parts = split('a', { 'web-v2': 1 }, beta) + split('b', { 'web-v1': 1 }, gamma) + split('c', { web: 1 }, both)
  assert.match(blamed(parts), /^TrafficSplit shop\/a and TrafficSplit shop\/b together take every request/)
})

test('requests that fit the matches are split, all others go to the Service', () => {
  const made = world(
    group('firefox', 'headers: {user-agent: ".*Firefox.*"}') +
      split('canary', { 'web-v1': 0, 'web-v2': 100 }, ', matches: [{kind: HTTPRouteGroup, name: firefox}]'),
  )
  assert.deepEqual(made.shares('shop/web:80', { headers: { 'user-agent': 'Mozilla Firefox/120' } }), {
    'shop/web-v2:80': 1,
  })
  assert.deepEqual(made.shares('shop/web:80', { headers: { 'user-agent': 'curl' } }), itself)
  assert.deepEqual(made.shares('shop/web:80'), itself)
})

test('several groups in matches are one: any route of any group will do', () => {
  const made = world(
    group('one', 'pathRegex: /one', 'methods: [DELETE]') +
      group('two', 'pathRegex: /two') +
      split(
        'canary',
        { 'web-v2': 1 },
        ', matches: [{kind: HTTPRouteGroup, name: one}, {kind: HTTPRouteGroup, name: two}]',
      ),
  )
  const v2 = { 'shop/web-v2:80': 1 }
  assert.deepEqual(made.shares('shop/web:80', { path: '/one' }), v2)
  assert.deepEqual(made.shares('shop/web:80', { method: 'DELETE' }), v2)
  assert.deepEqual(made.shares('shop/web:80', { path: '/two' }), v2)
  assert.deepEqual(made.shares('shop/web:80', { path: '/three' }), itself)
})

test('a group in matches that does not exist matches nothing', () => {
  const made = world(split('canary', { 'web-v2': 1 }, ', matches: [{kind: HTTPRouteGroup, name: gone}]'))
  assert.deepEqual(made.shares('shop/web:80'), itself)
  assert.deepEqual(made.reasons(CANARY), ['RouteNotFound'])
})

test('a group of another namespace is not found', () => {
  const elsewhere = group('beta', 'pathRegex: /').replace('namespace: shop', 'namespace: other')
  const made = world(elsewhere + split('canary', { 'web-v2': 1 }, ', matches: [{kind: HTTPRouteGroup, name: beta}]'))
  assert.deepEqual(made.reasons(CANARY), ['RouteNotFound'])
})

test('an empty list of matches is no condition', () => {
  assert.deepEqual(world(split('canary', { 'web-v2': 1 }, ', matches: []')).shares('shop/web:80'), {
    'shop/web-v2:80': 1,
  })
})

test('on a TCP port a split without matches divides connections', () => {
  const tcp = '{name: tcp-x, port: 80, targetPort: 8080}'
  const made = world(
    service('web', tcp) +
      service('web-v1', tcp) +
      service('web-v2', tcp) +
      split('canary', { 'web-v1': 1, 'web-v2': 3 }),
  )
  assert.deepEqual(made.shares('shop/web:80', 'tcp'), { 'shop/web-v1:80': 0.25, 'shop/web-v2:80': 0.75 })
})

test('on a TCP port HTTP matches match nothing', () => {
  const tcp = '{name: tcp-x, port: 80, targetPort: 8080}'
  const made = world(
    service('web', tcp) +
      service('web-v2', tcp) +
      group('all', 'pathRegex: ".*"') +
      split('canary', { 'web-v2': 1 }, ', matches: [{kind: HTTPRouteGroup, name: all}]'),
  )
  assert.deepEqual(made.shares('shop/web:80', 'tcp'), itself)
  assert.deepEqual(made.reasons(CANARY), ['MatchNeedsHttp'])
})

test('a backend that speaks HTTP gets no traffic of a port that carries bytes', () => {
  const made = world(service('web', '{name: tcp-x, port: 80, targetPort: 8080}') + split('canary', { 'web-v1': 1 }))
  assert.deepEqual(made.shares('shop/web:80', 'tcp'), itself)
  assert.deepEqual(made.reasons(CANARY), ['ProtocolMismatch', 'NoUsableBackend'])
})

test('Services are named in every form that DNS resolves', () => {
  for (const name of ['web', 'web.shop', 'web.shop.svc', 'web.shop.svc.cluster.local', 'web.shop.svc.cluster.local.']) {
    const made = world(split('canary', { 'web-v2.shop.svc': 1 }).replace('service: web,', `service: ${name},`))
    assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v2:80': 1 }, name)
  }
})

test('a name that is no name of a Service is reported and divides nothing', () => {
  const made = world(split('canary', { 'web-v2': 1 }).replace('service: web,', 'service: example.com.,'))
  assert.deepEqual(made.shares('shop/web:80'), itself)
  assert.deepEqual(made.reasons(CANARY), ['NameForm'])
})

test('a split of a Service of another namespace does nothing', () => {
  const other = service('web', '{name: http, port: 80, targetPort: 8080}').replace(
    'namespace: shop',
    'namespace: other',
  )
  const made = world(other + split('canary', { 'web-v2': 1 }).replace('service: web,', 'service: web.other,'))
  assert.deepEqual(made.shares('other/web:80'), { 'other/web:80': 1 })
  assert.deepEqual(made.reasons(CANARY), ['CrossNamespace'])
})

test('a backend of another namespace gets no traffic', () => {
  const other = service('web', '{name: http, port: 80, targetPort: 8080}').replace(
    'namespace: shop',
    'namespace: other',
  )
  const made = world(other + split('canary', { 'web-v1': 1, 'web.other': 1 }))
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 1 })
  assert.deepEqual(made.reasons(CANARY), ['CrossNamespace'])
})

test('a split of a Service that does not exist is told so', () => {
  const made = world(split('canary', { 'web-v2': 1 }).replace('service: web,', 'service: gone,'))
  assert.deepEqual(made.reasons(CANARY), ['ApexNotFound'])
})

test('a backend named twice has the sum of its weights', () => {
  const twice = split('canary', { 'web-v1': 1, 'web-v1.shop': 2, 'web-v2': 1 })
  assert.deepEqual(world(twice).shares('shop/web:80'), { 'shop/web-v1:80': 0.75, 'shop/web-v2:80': 0.25 })
})

const podOf = (version: string) =>
  manifests(`
apiVersion: v1
kind: Pod
metadata: {name: ${version}-a, namespace: shop}
`)

test('a backend without ready endpoints is skipped while another one has some', () => {
  const made = world(split('canary', { 'web-v1': 1, 'web-v2': 1 }))
  made.remove(...podOf('web-v2'))
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 1 })
  made.remove(...podOf('web-v1'))
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 0.5, 'shop/web-v2:80': 0.5 })
  assert.deepEqual(made.reasons(CANARY), [])
})

test('a mesh may be set to let the share of a backend without endpoints fail', () => {
  const made = world(split('canary', { 'web-v1': 1, 'web-v2': 1 }), { emptyBackends: 'fail' })
  made.remove(...podOf('web-v2'))
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 0.5, 'shop/web-v2:80': 0.5 })
})

test('weights of v1alpha1 keep their ratio', () => {
  const made = world(`
apiVersion: split.smi-spec.io/v1alpha1
kind: TrafficSplit
metadata: {name: canary, namespace: shop}
spec: {service: web, backends: [{service: web-v1, weight: 1}, {service: web-v2, weight: 500m}]}
`)
  assert.deepEqual(made.shares('shop/web:80'), { 'shop/web-v1:80': 2 / 3, 'shop/web-v2:80': 1 / 3 })
})

test('callers without a sidecar reach the plain Service', () => {
  const decision = world(split('canary', { 'web-v2': 1 })).ask(undefined, 'shop/web:80')
  assert.deepEqual(decision.kind === 'routed' && decision.backends.map(({ backend }) => backend), ['shop/web:80'])
})

test('a split grants no access: each backend decides by its own ServiceAccount', () => {
  const made = world(`${split('canary', { 'web-v1': 1, 'web-v2': 1 })}
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: {name: all, namespace: shop}
spec: {matches: {ports: []}}
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: v1, namespace: shop}
spec:
  destination: {kind: ServiceAccount, name: web-v1}
  sources: [{kind: ServiceAccount, name: client}]
  rules: [{kind: TCPRoute, name: all}]
`)
  const decision = made.ask('shop/client', 'shop/web:80')
  assert.deepEqual(decision.kind === 'routed' && decision.backends.map(({ backend, allowed }) => [backend, allowed]), [
    ['shop/web-v1:80', 'yes'],
    ['shop/web-v2:80', 'no'],
  ])
})

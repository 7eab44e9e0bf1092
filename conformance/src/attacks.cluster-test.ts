/**
 * Whoever wants another's certificate or configuration: each way to ask for it, against the operator as it is run and the tokens
 * of a real API server. Pods are objects that nobody runs; who attacks is this process. docs/design/threat-model.md tells the same.
 */
import assert from 'node:assert/strict'
import { createSign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectPlain, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { type ChannelCredentials, credentials, Metadata, status } from '@grpc/grpc-js'
import { type Attempt, attempt, bearing, hold, identitiesIn, type Outcome, tls } from './harness/ads-attempt.ts'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { type Replica, startReplica } from './harness/replica.ts'
import { until } from './harness/until.ts'

const CLUSTER = 'test-attacks'
const WEB_ID = 'spiffe://cluster.local/ns/shop/sa/web'
const CROWD = Number(process.env['CROWD'] ?? 1_000)

describe('who wants what belongs to another pod', () => {
  let cluster: Cluster
  let replica: Replica
  let port = 0
  let roots = ''
  /** Of shop/web-1, as the kubelet would have it. */
  let token = ''

  const kubectl = (...words: readonly string[]) => cluster.kubectl(words)
  const tokenOf = async (account: string, ...words: readonly string[]) =>
    (await kubectl('-n', 'shop', 'create', 'token', account, '--audience=smi-mesh', ...words)).trim()
  const bound = (pod: string) => ['--bound-object-kind=Pod', `--bound-object-name=${pod}`]
  const pod = async (namespace: string, name: string, account: string, ip: string) => {
    await cluster.kubectl(['apply', '-f', '-'], podText(namespace, name, account))
    const running = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True' }] }
    const patch = JSON.stringify({ status: running })
    await kubectl('-n', namespace, 'patch', 'pod', name, '--subresource=status', '--type=merge', '-p', patch)
  }
  const asking = (nodeId: string, bearer?: string, channel: ChannelCredentials = tls(roots)): Attempt => {
    const metadata = bearer === undefined ? {} : { metadata: bearing(bearer) }
    return { port, nodeId, channel, ...metadata }
  }
  const isTold = async (nodeId: string, bearer: string) => (await attempt(asking(nodeId, bearer))).kind === 'told'

  before(async () => {
    cluster = await startCluster({ name: CLUSTER, level: 'api' })
    await kubectl('create', 'namespace', 'smi-mesh')
    await cluster.kubectl(['apply', '-f', '-'], SCENE)
    await kubectl('apply', '--server-side', '-f', resolve(import.meta.dirname, '../../smi-crds/crds'))
    await pod('shop', 'web-1', 'web', '198.18.0.11')
    await pod('shop', 'web-2', 'web', '198.18.0.12')
    await pod('shop', 'till-1', 'till', '198.18.0.13')
    await pod('bank', 'web-1', 'web', '198.18.0.14')
    replica = await startReplica({ kubeconfig: cluster.kubeconfig, identity: 'one' })
    await until('it serves', async () => replica.xdsPort() !== undefined)
    port = replica.xdsPort() ?? 0
    const published = () =>
      kubectl('-n', 'shop', 'get', 'configmap', 'smi-mesh-trust', '-o=jsonpath={.data.roots\\.pem}')
    await until('roots are published', async () => {
      roots = await published().catch(() => '')
      return roots !== ''
    })
    token = await tokenOf('web', ...bound('web-1'))
    await until('its own pod is let in', () => isTold('web-1.shop', token))
  })
  after(async () => {
    replica?.process.kill('SIGKILL')
    await cluster?.stop()
  })

  const refused = (outcome: Outcome, code: status, why: RegExp) => {
    const { code: found, details } =
      outcome.kind === 'ended' ? outcome : assert.fail(`it was told ${outcome.bytes} bytes`)
    assert.equal(found, code, details)
    assert.match(details, why)
  }

  test('a pod with its own token is told its own identity and no other', async () => {
    const outcome = await attempt(asking('web-1.shop', token))
    assert.deepEqual(outcome.kind === 'told' && [...new Set(identitiesIn(outcome.secrets))], [WEB_ID])
  })

  test('without a token nothing is told', async () => {
    refused(await attempt(asking('web-1.shop')), status.UNAUTHENTICATED, /needs a token/)
  })

  test('a token that nobody signed is refused', async () => {
    const [header, claims] = token.split('.')
    for (const forged of ['a.b.c', `${header}.${claims}.${Buffer.alloc(256, 7).toString('base64url')}`]) {
      refused(await attempt(asking('web-1.shop', forged)), status.UNAUTHENTICATED, /does not know this token/)
    }
    refused(await attempt(asking('web-1.shop', unsigned(token))), status.UNAUTHENTICATED, /does not know this token/)
  })

  test('a token that has expired is refused, and the same token before is not', async () => {
    const key = readFileSync(join(cluster.kubeconfig, '..', 'pki', 'service-accounts.key'), 'utf8')
    const now = Math.floor(Date.now() / 1_000)
    assert.ok(await isTold('web-1.shop', signedAgain(token, { exp: now + 600 }, key)), 'signed as the API server signs')
    const late = signedAgain(token, { iat: now - 4_000, nbf: now - 4_000, exp: now - 400 }, key)
    refused(await attempt(asking('web-1.shop', late)), status.UNAUTHENTICATED, /does not know this token, or no longer/)
  })

  test('a token for another audience is refused, also the one that every pod has for the API server', async () => {
    const forApiServer = await kubectl('-n', 'shop', 'create', 'token', 'web', ...bound('web-1'))
    const forOther = await kubectl('-n', 'shop', 'create', 'token', 'web', '--audience=vault', ...bound('web-1'))
    for (const other of [forApiServer, forOther]) {
      refused(
        await attempt(asking('web-1.shop', other.trim())),
        status.UNAUTHENTICATED,
        /not made for smi-mesh|does not know/,
      )
    }
  })

  test('a token of its ServiceAccount that is bound to no pod is refused', async () => {
    refused(await attempt(asking('web-1.shop', await tokenOf('web'))), status.UNAUTHENTICATED, /not bound to a pod/)
  })

  test("another pod's node id is refused, of the same ServiceAccount as of another", async () => {
    for (const nodeId of ['web-2.shop', 'till-1.shop', 'nobody.shop', 'web-1', 'web-1.shop.', '', '../web-2.shop']) {
      const code = nodeId === '' ? status.INVALID_ARGUMENT : status.PERMISSION_DENIED
      refused(await attempt(asking(nodeId, token)), code, /./)
    }
  })

  test('a token that is used on a second stream is of the same pod there, and the first stream does not suffer', async () => {
    const first = await hold(asking('web-1.shop', token))
    assert.equal(first.outcome.kind, 'told')
    refused(await attempt(asking('till-1.shop', token)), status.PERMISSION_DENIED, /does not prove pod shop\/till-1/)
    assert.equal(await Promise.race([first.end, pause(200, 'open')]), 'open')
    first.close()
  })

  test('a pod of the same name in another namespace is another pod', async () => {
    const words = ['create', 'token', 'web', '--audience=smi-mesh', ...bound('web-1')]
    const ofBank = (await kubectl('-n', 'bank', ...words)).trim()
    refused(await attempt(asking('web-1.shop', ofBank)), status.PERMISSION_DENIED, /does not prove pod shop\/web-1/)
    refused(await attempt(asking('web-1.bank', token)), status.PERMISSION_DENIED, /does not prove pod bank\/web-1/)
  })

  test('the token of a pod that is gone is refused, and that of an earlier pod of its name', async () => {
    await pod('shop', 'old-1', 'web', '198.18.0.15')
    const old = await tokenOf('web', ...bound('old-1'))
    await until('it is let in', () => isTold('old-1.shop', old))
    await kubectl('-n', 'shop', 'delete', 'pod', 'old-1', '--force', '--grace-period=0')
    // An API server believes a token for some seconds after its pod has gone: until the pod is unknown to us.
    await until('it is refused', async () => (await attempt(asking('old-1.shop', old))).kind === 'ended')
    await pod('shop', 'old-1', 'web', '198.18.0.16')
    const young = await tokenOf('web', ...bound('old-1'))
    await until('the new one is let in', () => isTold('old-1.shop', young))
    const outcome = await attempt(asking('old-1.shop', old))
    assert.equal(outcome.kind, 'ended', 'the earlier one is not')
  })

  test('plain TCP is told nothing, with the right token as without', async () => {
    const plain = await attempt(asking('web-1.shop', token, credentials.createInsecure()))
    assert.equal(plain.kind === 'ended' && plain.code, status.UNAVAILABLE)
    for (const said of [
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
      '\x16\x03\x01\x00\x05nonsense',
    ]) {
      const heard = await heardBy(connectPlain(port, '127.0.0.1'), said)
      assert.doesNotMatch(heard, /HTTP|spiffe|grpc/i, JSON.stringify(said))
    }
  })

  test('TLS that does not speak HTTP/2, or speaks it as it was before 1.2, is told nothing', async () => {
    const open = (more: object) =>
      connectTls({ port, host: '127.0.0.1', ca: roots, checkServerIdentity: () => undefined, ...more })
    assert.doesNotMatch(await heardBy(open({}), 'GET /debug/mesh HTTP/1.1\r\nhost: a\r\n\r\n'), /200 OK|spiffe/)
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }
    assert.equal(await heardBy(open(old), ''), '')
    const second = connectHttp2(`https://127.0.0.1:${port}`, {
      ca: roots,
      maxVersion: 'TLSv1.2',
      checkServerIdentity: () => undefined,
    })
    second.on('error', () => {})
    const stream = second.request({
      ':method': 'POST',
      ':path': ADS,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const [headers] = await new Promise<[Record<string, unknown>]>((resolve, reject) =>
      stream.on('response', response => resolve([response])).on('error', reject),
    )
    assert.equal(headers['grpc-status'], String(status.UNAUTHENTICATED))
    second.destroy()
  })

  test('a certificate is no token: neither one of another authority nor one of this mesh', async () => {
    const outcome = await attempt(asking('web-1.shop', token))
    const secret = outcome.kind === 'told' ? outcome.secrets.join('\n') : ''
    const [key = ''] =
      secret.match(/-----BEGIN (?:EC )?PRIVATE KEY-----[^-]+-----END (?:EC )?PRIVATE KEY-----\n?/) ?? []
    const [chain = ''] = secret.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/) ?? []
    assert.notEqual(key, '')
    const ours = tls(roots, { key, chain })
    refused(await attempt(asking('web-1.shop', undefined, ours)), status.UNAUTHENTICATED, /needs a token/)
    const foreign = tls(roots, foreignCertificate(cluster))
    refused(await attempt(asking('web-1.shop', undefined, foreign)), status.UNAUTHENTICATED, /needs a token/)
    refused(await attempt(asking('till-1.shop', token, foreign)), status.PERMISSION_DENIED, /does not prove/)
  })

  test('metadata without end is refused, and who has proven itself is served on', async () => {
    const proven = await hold(asking('web-1.shop', token))
    for (const [count, length] of [
      [1, 1 << 20],
      [5_000, 40],
    ] as const) {
      const metadata = new Metadata()
      for (let at = 0; at < count; at++) metadata.set(`x-${at}`, 'a'.repeat(length))
      metadata.set('authorization', `Bearer ${token}`)
      const outcome = await attempt({ ...asking('web-1.shop'), metadata })
      assert.equal(outcome.kind, 'ended', `${count} of ${length} bytes`)
    }
    assert.equal(await Promise.race([proven.end, pause(200, 'open')]), 'open')
    proven.close()
  })

  test('a stream that never says who it is comes to an end', async () => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: roots, checkServerIdentity: () => undefined })
    session.on('error', () => {})
    const authorization = `Bearer ${token}`
    const stream = session.request({
      ':method': 'POST',
      ':path': ADS,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization,
    })
    const trailers = await new Promise<Record<string, unknown>>((resolve, reject) => {
      stream.on('response', headers => headers['grpc-status'] !== undefined && resolve(headers))
      stream.on('trailers', resolve).on('error', reject).resume()
    })
    assert.equal(trailers['grpc-status'], String(status.DEADLINE_EXCEEDED))
    session.destroy()
  })

  for (const [what, open] of [
    ['say nothing', () => connectPlain(port, '127.0.0.1')],
    [
      'speak TLS and ask nothing',
      () =>
        connectTls({ port, host: '127.0.0.1', ca: roots, ALPNProtocols: ['h2'], checkServerIdentity: () => undefined }),
    ],
  ] as const) {
    test(`${CROWD} connections that ${what} keep out nobody and do not cost the replica its memory`, async t => {
      const before = residentMb(replica)
      const crowd: Socket[] = []
      for (let at = 0; at < CROWD; at++) {
        const socket = open()
        socket.on('error', () => {}).resume()
        crowd.push(socket)
        if (at % 50 === 49) await pause(1)
      }
      const began = performance.now()
      assert.ok(await isTold('web-1.shop', token), 'one who has a token is served')
      const ms = performance.now() - began
      const crowded = residentMb(replica)
      t.diagnostic(`${CROWD} connections that ${what}: told in ${ms.toFixed(0)} ms, ${before} → ${crowded} MB`)
      assert.ok(crowded - before < 400, `${before} → ${crowded} MB`)
      assert.ok(await replica.isReady())
      for (const socket of crowd) socket.destroy()
    })
  }

  test('whatever was tried, no token and no key has come into the log', () => {
    const [, claims = 'none'] = token.split('.')
    assert.ok(!replica.log().includes(claims))
    assert.doesNotMatch(replica.log(), /PRIVATE KEY|Bearer ey/)
  })
})

const ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'

const SCENE = ['shop', 'bank']
  .map(
    namespace => `
apiVersion: v1
kind: Namespace
metadata: {name: ${namespace}, labels: {smi-mesh.dev/inject: enabled}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: ${namespace}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: till, namespace: ${namespace}}
`,
  )
  .join('---')

function podText(namespace: string, name: string, account: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ${namespace}, annotations: {smi-mesh.dev/status: injected}}
spec: {serviceAccountName: ${account}, containers: [{name: app, image: none, ports: [{containerPort: 8080}]}]}
`
}

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const decoded = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString())

/** The same claims, of which some are others, signed by this key. */
function signedAgain(token: string, claims: object, key: string): string {
  const [header, before] = token.split('.')
  const text = `${header}.${encoded({ ...decoded(before), ...claims })}`
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key).toString('base64url')}`
}

/** "alg": "none" (RFC 7519 §6). */
function unsigned(token: string): string {
  const [header, claims] = token.split('.')
  return `${encoded({ ...decoded(header), alg: 'none' })}.${claims}.${Buffer.alloc(1).toString('base64url')}`
}

/** One that another authority has signed: that of the cluster itself, which its administrator shows to API servers. */
function foreignCertificate({ kubeconfig }: Cluster): { readonly key: string; readonly chain: string } {
  const read = (name: string) => readFileSync(join(kubeconfig, '..', 'pki', name), 'utf8')
  return { key: read('admin.key'), chain: read('admin.crt') }
}

/** All that a server says to what is said, until it ends the connection or has been silent for a while. */
async function heardBy(socket: Socket | TLSSocket, said: string): Promise<string> {
  const heard: Buffer[] = []
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  socket.on('error', () => {})
  socket.on('data', chunk => heard.push(chunk))
  socket.write(said)
  await Promise.race([closed, pause(3_000, undefined, { ref: false })])
  socket.destroy()
  return Buffer.concat(heard).toString('latin1')
}

function residentMb({ process: { pid } }: Replica): number {
  const [, kb = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kb) / 1_024)
}

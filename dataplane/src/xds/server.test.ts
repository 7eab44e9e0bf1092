import assert from 'node:assert/strict'
import { test } from 'node:test'
import { credentials, ServerCredentials, status } from '@grpc/grpc-js'
import { type PodKey, podKey } from '../mesh/keys.ts'
import { TypeUrl } from '../mesh/resource.ts'
import { Catalog } from './catalog.ts'
import type { Peer } from './peer.ts'
import { Pusher } from './push.ts'
import { type Admission, XdsServer } from './server.ts'
import { AdsClient, told, until } from './testdata/ads-client.ts'
import { testCertificate } from './testdata/certificate.ts'
import { envoyResource, group, scopeKey } from './testdata/make.ts'
import { NODE, SCOPE, scene } from './testdata/scene.ts'

const { cluster, listener, secret } = TypeUrl
const POD = podKey('shop', 'web-1')
const admitted = (scope = SCOPE, pod: PodKey = POD): Admission => ({ kind: 'admitted', scope, pod })

test('a node that is not admitted is told why and gets nothing', async () => {
  const reasons: string[] = []
  const admit = (): Admission => ({ kind: 'refused', reason: 'Pod shop/web-1 is not in the mesh.' })
  await using here = await scene({ admit, refused: reason => reasons.push(reason) })
  here.clusters({ a: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  const details = 'Pod shop/web-1 is not in the mesh.'
  assert.deepEqual(await client.ended(), { code: status.PERMISSION_DENIED, details })
  assert.deepEqual(reasons, [details])
  assert.deepEqual(client.unread, [])
})

test('a first request without a node is refused', async () => {
  await using here = await scene()
  const client = here.client()
  client.send(cluster)
  assert.equal((await client.ended()).code, status.INVALID_ARGUMENT)
})

test('a stream that never says who it is comes to an end', async () => {
  await using here = await scene({ helloMs: 5 })
  const client = here.client()
  assert.equal((await client.ended()).code, status.DEADLINE_EXCEEDED)
  assert.equal(here.server.counters().streams, 0)
})

test('a workload that is not compiled yet is asked to come back, and loses nothing', async () => {
  await using here = await scene({ admit: () => admitted(scopeKey('shop/unknown')) })
  const client = here.client()
  client.send(cluster, { node: NODE, initialResourceVersions: { a: '1' } })
  assert.equal((await client.ended()).code, status.UNAVAILABLE)
})

test('the state-of-the-world variant is answered with what to set', async () => {
  await using here = await scene()
  const client = new AdsClient(here.port, 'StreamAggregatedResources').read()
  here.clients.push(client)
  const { code, details } = await client.ended()
  assert.equal(code, status.UNIMPLEMENTED)
  assert.match(details, /DELTA_GRPC/)
})

test('no more streams than allowed are served', async () => {
  await using here = await scene({ maxStreams: 1 })
  here.clusters({ a: '1' })
  const first = here.client()
  first.send(cluster, { node: NODE })
  await first.take()
  const second = here.client()
  second.send(cluster, { node: NODE })
  assert.equal((await second.ended()).code, status.RESOURCE_EXHAUSTED)
})

test('a proxy that subscribes to names without end is stopped', async () => {
  await using here = await scene({ maxNames: 3 })
  const client = here.client()
  client.send(secret, { node: NODE, resourceNamesSubscribe: ['a', 'b', 'c', 'd'] })
  assert.equal((await client.ended()).code, status.RESOURCE_EXHAUSTED)
})

test('a bug in one stream ends that stream and no other', async () => {
  const errors: unknown[] = []
  let broken = false
  const admit = (): Admission => {
    if (broken) throw new Error('a bug')
    return admitted()
  }
  await using here = await scene({ admit, failed: error => errors.push(error) })
  here.clusters({ a: '1' })
  const good = here.client()
  good.send(cluster, { node: NODE })
  await good.take()
  broken = true
  const bad = here.client()
  bad.send(cluster, { node: NODE })
  assert.equal((await bad.ended()).code, status.INTERNAL)
  here.clusters({ a: '2' })
  assert.deepEqual(told(await good.take()).names, ['a'])
  assert.equal(errors.length, 1)
})

test('over mTLS a proxy is who its certificate says, whatever its node id', async () => {
  const root = testCertificate('root')
  const server = testCertificate('server', [{ kind: 'dns', text: 'localhost' }], root)
  const web = testCertificate('web', [{ kind: 'uri', text: 'spiffe://cluster.local/ns/shop/sa/web' }], root)
  const nobody = testCertificate('nobody', [{ kind: 'dns', text: 'web' }], root)
  const peers: Peer[] = []
  const catalog = new Catalog()
  catalog.commit({
    put: [envoyResource(group('all'), cluster, 'a', '1')],
    remove: [],
    scopes: [[SCOPE, [group('all')]]],
  })
  const xds = new XdsServer({
    catalog,
    stopMs: 100,
    admit: peer => {
      peers.push(peer)
      return admitted()
    },
  })
  const pair = { cert_chain: Buffer.from(server.pem), private_key: Buffer.from(server.key) }
  const port = await xds.listen('127.0.0.1:0', ServerCredentials.createSsl(Buffer.from(root.pem), [pair], true))
  const client = (of: typeof web) => {
    const channel = credentials.createSsl(Buffer.from(root.pem), Buffer.from(of.key), Buffer.from(of.pem), {
      checkServerIdentity: () => undefined,
    })
    return new AdsClient(port, 'DeltaAggregatedResources', channel).read()
  }
  const [good, bad] = [client(web), client(nobody)]
  good.send(cluster, { node: { id: 'other.elsewhere' } })
  assert.deepEqual(told(await good.take()).names, ['a'])
  assert.deepEqual(
    peers.map(peer => (peer.kind === 'certificate' ? peer.identity : peer.kind)),
    ['spiffe://cluster.local/ns/shop/sa/web'],
  )
  bad.send(cluster, { node: NODE })
  assert.equal((await bad.ended()).code, status.UNAUTHENTICATED)
  good.close()
  bad.close()
  await xds.stop()
})

test('replicas of one workload are sent the same Buffer: one encoding for all', async () => {
  await using here = await scene()
  here.clusters({ a: '1' })
  const clients = Array.from({ length: 20 }, () => here.client())
  for (const client of clients) client.send(cluster, { node: NODE })
  for (const client of clients) await client.take()
  assert.equal(here.server.counters().encoded, 1)
  here.clusters({ a: '2' })
  const nonces = new Set<string>()
  for (const client of clients) nonces.add((await client.take()).nonce ?? '')
  const { encoded, pushes } = here.server.counters()
  assert.deepEqual([encoded, pushes, nonces.size], [2, 40, 1])
})

test('only proxies whose groups hold a changed resource are written to', async () => {
  const admit = (_: Peer, { id }: { id: string }) => admitted(scopeKey(`shop/${id}`), podKey('shop', id))
  await using here = await scene({ admit })
  const scopes = ['web', 'api'].map(name => [scopeKey(`shop/${name}`), [group('all'), group(name)]] as const)
  here.catalog.commit({ put: [], remove: [], scopes })
  here.publish(listener, { inbound: '1' }, 'web')
  here.publish(listener, { inbound: '2' }, 'api')
  const [web, api] = [here.client(), here.client()]
  web.send(listener, { node: { id: 'web' } })
  api.send(listener, { node: { id: 'api' } })
  await web.take()
  await api.take()
  await until(() => here.server.counters().acks === 2)
  const { pushes } = here.server.counters()
  here.publish(listener, { inbound: '3' }, 'web')
  await web.take()
  const visited = here.server.proxies().map(proxy => proxy.types.every(type => type.holds === here.catalog.revision))
  assert.deepEqual(visited, [true, false], 'the other was not even looked at')
  assert.ok(here.server.proxies().every(proxy => proxy.node.id === 'web' || !proxy.lagging))
  here.publish(listener, { common: '1' }, 'all')
  assert.deepEqual(told(await api.take()).names, ['common'])
  assert.deepEqual(told(await web.take()).names, ['common'])
  assert.equal(here.server.counters().pushes - pushes, 3)
})

test('a reader that stops reading costs what its transport holds, and then gets the newest state', async () => {
  await using here = await scene()
  const large = 'x'.repeat(900_000)
  const client = new AdsClient(here.port)
  here.clients.push(client)
  client.send(cluster, { node: NODE, resourceNamesSubscribe: ['*'] })
  await until(() => here.server.proxies().length === 1)
  // It acknowledges whatever may have been sent without reading it: only its full transport holds the server back.
  for (let n = 1; n <= 12; n++) {
    here.clusters({ a: large + n })
    await new Promise<void>(resolve => setImmediate(() => setImmediate(resolve)))
    client.send(cluster, { responseNonce: String(here.catalog.revision), resourceNamesSubscribe: [`mark-${n}`] })
    await until(() => here.server.proxies()[0]?.types[0]?.subscribed === n + 1)
  }
  const { bytes } = here.server.counters()
  assert.ok(bytes < 4 * large.length, `${bytes} bytes were given to a transport that takes none`)
  client.read()
  for (let text = ''; text !== '12'; ) {
    const [one] = (await client.take()).resources ?? []
    text = Buffer.from(one?.resource?.value ?? [])
      .toString()
      .slice(large.length)
  }
})

test('a pod that became another workload has its stream ended; one that did not, has not', async () => {
  let scope = SCOPE
  await using here = await scene({ admit: () => admitted(scope) })
  here.clusters({ a: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  await client.take()
  here.server.reassign(POD)
  assert.equal(here.server.counters().streams, 1)
  scope = scopeKey('shop/web-2')
  here.server.reassign(POD)
  assert.equal((await client.ended()).code, status.UNAVAILABLE)
})

test('how a proxy stands: what it asked for, holds, and whether it lags', async () => {
  let now = 1000
  await using here = await scene({ now: () => now })
  here.clusters({ a: '1', b: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  const response = await client.next()
  const [pending] = here.server.proxies()
  assert.deepEqual([pending?.node.id, pending?.scope, pending?.connectedAt], ['web-1.shop', SCOPE, 1000])
  assert.deepEqual(
    pending?.types.map(type => [type.subscribed, type.wildcard, type.inFlight, type.lagging]),
    [[2, true, true, true]],
  )
  now = 1007
  client.send(cluster, { responseNonce: response.nonce ?? '' })
  await until(() => here.server.counters().acks === 1)
  const [settled] = here.server.proxies()
  assert.equal(settled?.lagging, false)
  assert.deepEqual(
    settled?.types.map(type => [type.inFlight, type.ackedAt, type.holds]),
    [[false, 1007, here.catalog.revision]],
  )
})

test('the time from a push to its ACK is told, once for each', async () => {
  let now = 1000
  const latencies: number[] = []
  await using here = await scene({ now: () => now, acked: (_type, ms) => latencies.push(ms) })
  here.clusters({ a: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  const { nonce = '' } = await client.next()
  now = 1042
  client.send(cluster, { responseNonce: nonce })
  client.send(cluster, { responseNonce: nonce })
  here.clusters({ a: '2' })
  await client.next()
  assert.deepEqual(latencies, [42])
})

test('who connects and who leaves is told', async () => {
  const events: string[] = []
  await using here = await scene({
    connected: ({ node }) => events.push(`${node.id} came`),
    disconnected: ({ node }) => events.push(`${node.id} left`),
  })
  here.clusters({ a: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  await client.take()
  client.close()
  await until(() => here.server.counters().streams === 0)
  assert.deepEqual(events, ['web-1.shop came', 'web-1.shop left'])
})

test('a server that stops ends its streams with a sentence and accepts no more', async () => {
  await using here = await scene()
  here.clusters({ a: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  await client.take()
  const stopped = here.server.stop()
  assert.deepEqual(await client.ended(), { code: status.UNAVAILABLE, details: 'The control plane is stopping.' })
  await stopped
})

test('a proxy that never asks for the endpoints of its clusters waits for its routes, but not for ever', async () => {
  await using here = await scene({ warmingMs: 5 })
  here.publish(TypeUrl.loadAssignment, { a: '1', b: '1' })
  here.clusters({ a: '1' })
  here.publish(listener, { l: '1' })
  const client = here.client()
  client.send(TypeUrl.loadAssignment, { node: NODE, resourceNamesSubscribe: ['b'] })
  client.send(cluster)
  client.send(listener)
  const types: (string | undefined)[] = []
  for (let n = 0; n < 3; n++) types.push((await client.take()).typeUrl)
  assert.deepEqual(types, [TypeUrl.loadAssignment, cluster, listener])
})

test('a push is walked in slices, each one visited once, with the loop free in between', async () => {
  const visited: number[] = []
  let turns = 0
  let slices = 0
  let before = -1
  const pusher = new Pusher<number>(one => {
    visited.push(one)
    if (turns !== before) slices++
    before = turns
  }, 200)
  const many = Array.from({ length: 900 }, (_, at) => at)
  pusher.add(many)
  pusher.add(many)
  while (pusher.waiting > 0) {
    await new Promise<void>(resolve => setImmediate(resolve))
    turns++
  }
  assert.deepEqual(visited, many)
  assert.equal(slices, 5)
})

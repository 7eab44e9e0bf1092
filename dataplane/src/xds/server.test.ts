import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { credentials, ServerCredentials, status } from '@grpc/grpc-js'
import { type PodKey, podKey } from '../mesh/keys.ts'
import { TypeUrl } from '../mesh/resource.ts'
import { Catalog } from './catalog.ts'
import type { Peer } from './peer.ts'
import { type Admission, XdsServer } from './server.ts'
import { AdsClient, told } from './testdata/ads-client.ts'
import { testCertificate } from './testdata/certificate.ts'
import { envoyResource, group, scopeKey } from './testdata/make.ts'
import { NODE, SCOPE, scene } from './testdata/scene.ts'

const { cluster, secret } = TypeUrl
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

test('a stranger who takes all connections keeps out no proxy, and proxies keep theirs', async () => {
  const crowded: string[] = []
  await using here = await scene({ maxConnections: 4, crowded: address => crowded.push(address) })
  here.clusters({ a: '1' })
  const first = here.client()
  first.send(cluster, { node: NODE })
  await first.take()
  const many = Array.from({ length: 6 }, () => stranger(here.port, '127.0.0.2'))
  await Promise.all(many.map(socket => once(socket, 'connect')))
  const second = here.client()
  second.send(cluster, { node: NODE })
  await second.take()
  here.clusters({ b: '1' })
  const news = [await first.take(), await second.take()].map(told)
  assert.deepEqual(
    news.map(({ names }) => names),
    [['b'], ['b']],
  )
  assert.deepEqual(new Set(crowded), new Set(['127.0.0.2']))
})

test('a connection that says nothing does not outlive the server', async () => {
  const xds = new XdsServer({ catalog: new Catalog(), stopMs: 100, admit: () => admitted() })
  const { pem, key } = testCertificate('server')
  const pair = { cert_chain: Buffer.from(pem), private_key: Buffer.from(key) }
  const port = await xds.listen('127.0.0.1:0', ServerCredentials.createSsl(null, [pair], false))
  const silent = stranger(port, '127.0.0.2')
  await once(silent, 'connect')
  const gone = once(silent, 'close')
  await xds.stop()
  await gone
})

/** A connection that never says anything. */
function stranger(port: number, from: string): Socket {
  return connect({ port, host: '127.0.0.1', localAddress: from })
    .on('error', () => undefined)
    .resume()
}

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

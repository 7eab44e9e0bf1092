import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PodKey, podKey } from '../mesh/keys.ts'
import { TypeUrl } from '../mesh/resource.ts'
import type { Peer } from './peer.ts'
import { Pusher } from './push.ts'
import type { Admission } from './server.ts'
import { told, until } from './testdata/ads-client.ts'
import { group, scopeKey } from './testdata/make.ts'
import { NODE, SCOPE, scene } from './testdata/scene.ts'
import { StalledClient } from './testdata/stalled-client.ts'

const { cluster, listener } = TypeUrl
const POD = podKey('shop', 'web-1')
const admitted = (scope = SCOPE, pod: PodKey = POD): Admission => ({ kind: 'admitted', scope, pod })

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

test('a proxy that takes nothing is given one response, and then the newest state, not all between', async () => {
  await using here = await scene()
  const large = 'x'.repeat(900_000)
  const client = new StalledClient(here.port)
  client.send({ typeUrl: cluster, node: NODE, resourceNamesSubscribe: ['*'] })
  await until(() => here.server.proxies().length === 1)
  // It acknowledges what it has not read: only its full connection holds the server back.
  for (let n = 1; n <= 12; n++) {
    here.clusters({ a: large + n })
    await new Promise<void>(resolve => setImmediate(() => setImmediate(resolve)))
    const responseNonce = String(here.catalog.revision)
    client.send({ typeUrl: cluster, responseNonce, resourceNamesSubscribe: [`mark-${n}`] })
    await until(() => here.server.proxies()[0]?.types[0]?.subscribed === n + 1)
  }
  assert.equal(here.server.counters().pushes, 1)
  const texts: string[] = []
  for await (const { nonce = '', resources = [] } of client.read()) {
    client.send({ typeUrl: cluster, responseNonce: nonce })
    for (const { resource } of resources)
      texts.push(
        Buffer.from(resource?.value ?? [])
          .subarray(large.length)
          .toString(),
      )
    if (texts.at(-1) === '12') break
  }
  assert.ok(texts.length <= 3, `It was sent ${texts.join(', ')}.`)
  client.close()
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

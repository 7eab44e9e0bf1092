import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TypeUrl } from '../mesh/resource.ts'
import { until } from './testdata/ads-client.ts'
import { NODE, SCOPE, scene } from './testdata/scene.ts'

const { cluster } = TypeUrl

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

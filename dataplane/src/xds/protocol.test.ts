/** The rules of the xDS text, one test each, over real gRPC. Names quote the rule. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TypeUrl } from '../mesh/resource.ts'
import { versionOf } from './resource.ts'
import { told } from './testdata/ads-client.ts'
import { NODE, scene } from './testdata/scene.ts'

const { cluster, loadAssignment, listener, routeConfiguration, secret } = TypeUrl

test('"the request must have no resources in both fields": the legacy wildcard brings everything', async () => {
  await using here = await scene()
  here.clusters({ a: '1', b: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  assert.deepEqual(told(await client.take()), { names: ['a', 'b'], removed: [] })
  here.clusters({ c: '1' })
  assert.deepEqual(told(await client.take()), { names: ['c'], removed: [] })
})

test('the legacy wildcard exists for listeners and clusters alone', async () => {
  await using here = await scene()
  here.publish(routeConfiguration, { r: '1' })
  here.publish(listener, { l: '1' })
  const client = here.client()
  client.send(routeConfiguration, { node: NODE })
  client.send(listener)
  assert.equal((await client.take()).typeUrl, listener)
  assert.deepEqual(client.unread, [])
})

test('"a wildcard subscription, which is triggered when subscribing to the special name *"', async () => {
  await using here = await scene()
  here.clusters({ a: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE, resourceNamesSubscribe: ['*'] })
  assert.deepEqual(told(await client.take()), { names: ['a'], removed: [] })
})

test('"continuing the existing subscription to * and adding a new subscription to A"', async () => {
  await using here = await scene()
  here.clusters({ a: '1', b: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  await client.take()
  client.send(cluster, { resourceNamesSubscribe: ['a'] })
  assert.deepEqual(told(await client.take()), { names: ['a'], removed: [] })
  here.clusters({ b: '2' })
  assert.deepEqual(told(await client.take()), { names: ['b'], removed: [] })
})

test('"unsubscribing to * and continuing the existing subscription to A"', async () => {
  await using here = await scene()
  here.clusters({ a: '1', b: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE, resourceNamesSubscribe: ['*', 'a'] })
  await client.take()
  client.send(cluster, { resourceNamesUnsubscribe: ['*'] })
  client.send(cluster, { resourceNamesSubscribe: ['a'] })
  await client.take()
  here.clusters({ b: '2' })
  here.clusters({ a: '2' })
  assert.deepEqual(told(await client.take()), { names: ['a'], removed: [] })
})

test('"not interpreted as a wildcard subscription" once names were given and withdrawn', async () => {
  await using here = await scene()
  here.clusters({ a: '1', b: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE, resourceNamesSubscribe: ['a'] })
  await client.take()
  client.send(cluster, { resourceNamesUnsubscribe: ['a'] })
  client.send(cluster)
  client.send(cluster, { resourceNamesSubscribe: ['b'] })
  assert.deepEqual(told(await client.take()), { names: ['b'], removed: [] })
  here.clusters({ a: '2', b: '2' })
  assert.deepEqual(told(await client.take()), { names: ['b'], removed: [] })
})

test('"the server must send a response that includes the specific resource" unsubscribed under a wildcard', async () => {
  await using here = await scene()
  here.clusters({ a: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE, resourceNamesSubscribe: ['*', 'a', 'absent'] })
  assert.deepEqual(told(await client.take()), { names: ['a'], removed: ['absent'] })
  client.send(cluster, { resourceNamesUnsubscribe: ['a', 'absent'] })
  assert.deepEqual(told(await client.take()), { names: ['a'], removed: ['absent'] })
})

test('"it can simply ignore these phantom unsubscriptions"', async () => {
  await using here = await scene()
  here.publish(loadAssignment, { a: '1' })
  const client = here.client()
  client.send(loadAssignment, { node: NODE, resourceNamesSubscribe: ['a'], resourceNamesUnsubscribe: ['never'] })
  assert.deepEqual(told(await client.take()), { names: ['a'], removed: [] })
})

test('"the server must still provide those resources": a name already held is answered again', async () => {
  await using here = await scene()
  here.publish(loadAssignment, { a: '1', b: '1' })
  const client = here.client()
  client.send(loadAssignment, { node: NODE, resourceNamesSubscribe: ['a', 'b'] })
  await client.take()
  client.send(loadAssignment, { resourceNamesSubscribe: ['a'] })
  assert.deepEqual(told(await client.take()), { names: ['a'], removed: [] })
})

test('"when a resource subscribed to by a client does not exist": removed_resources, and it comes once it does', async () => {
  await using here = await scene()
  const client = here.client()
  client.send(routeConfiguration, { node: NODE, resourceNamesSubscribe: ['r'] })
  assert.deepEqual(told(await client.take()), { names: [], removed: ['r'] })
  here.publish(routeConfiguration, { r: '1' })
  assert.deepEqual(told(await client.take()), { names: ['r'], removed: [] })
})

test('a secret that does not exist yet is answered once it does', async () => {
  await using here = await scene()
  here.publish(routeConfiguration, { r: '1' })
  const client = here.client()
  client.send(secret, { node: NODE, resourceNamesSubscribe: ['identity'] })
  client.send(routeConfiguration, { resourceNamesSubscribe: ['r'] })
  assert.equal((await client.take()).typeUrl, routeConfiguration)
  here.publish(secret, { identity: '1' })
  assert.deepEqual(told(await client.take()), { names: ['identity'], removed: [] })
})

test('"the server must honor changes to the subscription state even if the nonce is stale"', async () => {
  await using here = await scene()
  here.publish(loadAssignment, { a: '1', b: '1' })
  const client = here.client()
  client.send(loadAssignment, { node: NODE, resourceNamesSubscribe: ['a'] })
  const first = await client.next()
  client.send(loadAssignment, { responseNonce: 'stale', resourceNamesSubscribe: ['b'] })
  client.send(loadAssignment, { responseNonce: 'stale', errorDetail: { code: 3, message: 'of long ago' } })
  client.send(routeConfiguration, { resourceNamesSubscribe: ['none'] })
  assert.equal((await client.take()).typeUrl, routeConfiguration, 'a stale answer frees nothing')
  client.send(loadAssignment, { responseNonce: first.nonce ?? '' })
  assert.deepEqual(told(await client.take()), { names: ['b'], removed: [] })
  assert.equal(here.server.counters().nacks, 0)
})

test('at most one response of a type is unacknowledged, and what follows is the newest state', async () => {
  await using here = await scene()
  here.clusters({ a: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  const first = await client.next()
  for (const text of ['2', '3', '4']) here.clusters({ a: text })
  client.send(cluster, { responseNonce: first.nonce ?? '' })
  const second = await client.take()
  assert.equal(second.resources?.[0]?.version, versionOf(Buffer.from('4')))
})

test('"comparing initial_resource_versions": a reconnect with nothing changed is sent nothing', async () => {
  await using here = await scene()
  here.clusters({ a: '1', b: '1' })
  const client = here.client()
  const initialResourceVersions = { a: versionOf(Buffer.from('1')), b: versionOf(Buffer.from('1')) }
  client.send(cluster, { node: NODE, initialResourceVersions })
  here.publish(secret, { identity: '1' })
  client.send(secret, { resourceNamesSubscribe: ['identity'] })
  assert.equal((await client.take()).typeUrl, secret)
  assert.equal(here.server.counters().pushes, 1)
})

test('a reconnect is sent what changed meanwhile, and what is gone once it has answered', async () => {
  await using here = await scene()
  here.clusters({ a: '2', b: '1' })
  const client = here.client()
  const version = versionOf(Buffer.from('1'))
  client.send(cluster, { node: NODE, initialResourceVersions: { a: version, b: version, gone: version } })
  assert.deepEqual(told(await client.take()), { names: ['a'], removed: [] })
  assert.deepEqual(told(await client.take()), { names: [], removed: ['gone'] })
})

test('"only the first request on a stream is guaranteed to carry the node identifier"', async () => {
  await using here = await scene()
  here.clusters({ a: '1' })
  here.publish(listener, { l: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  await client.take()
  client.send(listener)
  assert.deepEqual(told(await client.take()), { names: ['l'], removed: [] })
})

test('"presence of error_detail": a rejected version is reported and not sent again', async () => {
  const rejected: string[] = []
  await using here = await scene({ rejected: one => rejected.push(`${one.names} ${one.message} ${one.from[0]?.kind}`) })
  here.clusters({ a: 'bad' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  const { nonce = '' } = await client.next()
  client.send(cluster, { responseNonce: nonce, errorDetail: { code: 3, message: 'no such thing' } })
  here.clusters({ b: '1' })
  assert.deepEqual(told(await client.take()), { names: ['b'], removed: [] })
  assert.deepEqual(rejected, ['a no such thing Test'])
  assert.deepEqual(
    here.server.rejections().flatMap(one => one.names),
    ['a'],
  )
  here.clusters({ a: 'good' })
  assert.deepEqual(told(await client.take()), { names: ['a'], removed: [] })
  assert.deepEqual(here.server.rejections(), [])
})

test('of several resources in a rejected response, the one at fault is found and the others get through', async () => {
  const rejected: string[] = []
  await using here = await scene({ rejected: ({ names }) => rejected.push(...names) })
  here.clusters({ a: '1', b: '1', c: 'bad', d: '1', e: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  const held = new Set<string>()
  while (held.size < 4 || rejected.length === 0) {
    const response = await client.next()
    const { names } = told(response)
    const bad = names.includes('c')
    if (!bad) for (const name of names) held.add(name)
    const error = bad ? { errorDetail: { code: 3, message: 'one of these is bad' } } : {}
    client.send(cluster, { responseNonce: response.nonce ?? '', ...error })
  }
  assert.deepEqual([...held].sort(), ['a', 'b', 'd', 'e'])
  assert.deepEqual(rejected, ['c'])
})

test('"CDS updates (if any) must always be pushed first": the route waits for the cluster and its endpoints', async () => {
  await using here = await scene()
  here.publish(loadAssignment, { old: '1' })
  here.clusters({ old: '1' })
  here.publish(routeConfiguration, { r: 'to old' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  client.send(loadAssignment, { resourceNamesSubscribe: ['old'] })
  client.send(routeConfiguration, { resourceNamesSubscribe: ['r'] })
  for (let n = 0; n < 3; n++) await client.take()
  here.publish(loadAssignment, { new: '1' })
  here.clusters({ new: '1' })
  here.publish(routeConfiguration, { r: 'to new' })
  assert.deepEqual(told(await client.take()), { names: ['new'], removed: [] })
  client.send(loadAssignment, { resourceNamesSubscribe: ['new'] })
  assert.equal((await client.take()).typeUrl, loadAssignment)
  assert.equal((await client.take()).typeUrl, routeConfiguration)
})

test('"stale CDS clusters can then be removed": only after the routes that named them are acknowledged', async () => {
  await using here = await scene()
  here.clusters({ old: '1', new: '1' })
  here.publish(routeConfiguration, { r: 'to old' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  client.send(routeConfiguration, { resourceNamesSubscribe: ['r'] })
  for (let n = 0; n < 2; n++) await client.take()
  here.clusters({ old: undefined })
  here.publish(routeConfiguration, { r: 'to new' })
  const route = await client.next()
  assert.equal(route.typeUrl, routeConfiguration)
  assert.deepEqual(client.unread, [])
  client.send(routeConfiguration, { responseNonce: route.nonce ?? '' })
  assert.deepEqual(told(await client.take()), { names: [], removed: ['old'] })
})

test('"warming is completed only when a new ClusterLoadAssignment is supplied": a changed cluster brings its endpoints again', async () => {
  await using here = await scene()
  here.publish(loadAssignment, { a: '1' })
  here.clusters({ a: '1' })
  const client = here.client()
  client.send(cluster, { node: NODE })
  client.send(loadAssignment, { resourceNamesSubscribe: ['a'] })
  for (let n = 0; n < 2; n++) await client.take()
  here.clusters({ a: '2' })
  assert.equal((await client.take()).typeUrl, cluster)
  assert.deepEqual(told(await client.take()), { names: ['a'], removed: [] })
})

test('a type that is not served is not answered and does no harm', async () => {
  await using here = await scene()
  here.clusters({ a: '1' })
  const client = here.client()
  client.send('type.googleapis.com/envoy.service.runtime.v3.Runtime', { node: NODE })
  client.send(cluster)
  assert.equal((await client.take()).typeUrl, cluster)
})

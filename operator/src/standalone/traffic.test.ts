import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePrometheus } from './prometheus-text.ts'
import { quantile, type Reading, sharesOf, trafficBetween } from './traffic.ts'

const WEB = 'spiffe://cluster.local/ns/web/sa/storefront'
const proxy = (owner: string, identity: string, text: string) => ({
  owner,
  identity,
  samples: parsePrometheus(text, 'envoy_smi_'),
})
const reading = (at: number, proxies: Readonly<Record<string, ReturnType<typeof proxy>>>): Reading => ({
  at,
  proxies: new Map(Object.entries(proxies)),
})
const sent = (to: string, count: number, code = 200) =>
  `envoy_smi_requests_total{direction="outbound",service_port="shop/${to}:80",destination_kind="Deployment",destination_namespace="shop",destination_name="${to}",response_code="${code}",response_flags="-"} ${count}\n`
const web = (text: string) => proxy('web/storefront', WEB, text)
const took = (source: string, name: string, buckets: Readonly<Record<string, number>>) =>
  Object.entries(buckets)
    .map(
      ([le, count]) =>
        `envoy_smi_request_duration_ms_bucket{direction="inbound",source="${source}",destination_namespace="shop",destination_name="${name}",le="${le}"} ${count}\n`,
    )
    .join('')

test('rates are what was counted between two readings, over all proxies of an owner', () => {
  const before = reading(0, { a: web(sent('v1', 10) + sent('v1', 2, 503)), b: web(sent('v1', 5)) })
  const after = reading(2000, { a: web(sent('v1', 28) + sent('v1', 4, 503)), b: web(sent('v1', 25)) })
  const [edge] = trafficBetween(before, after)
  assert.deepEqual(
    [edge?.from, edge?.to, edge?.requests, edge?.requestsPerSecond],
    ['web/storefront', 'shop/v1:80', 40, 20],
  )
  assert.equal(edge?.successRate, 1 - 2 / 40)
})

test('a denial is told apart from a failure', () => {
  const [edge] = trafficBetween(reading(0, {}), reading(1000, { a: web(sent('v1', 3, 403) + sent('v1', 1)) }))
  assert.deepEqual([edge?.denied, edge?.successRate], [3, 1])
})

test('a proxy that started anew counts from zero', () => {
  const [edge] = trafficBetween(reading(0, { a: web(sent('v1', 100)) }), reading(1000, { a: web(sent('v1', 3)) }))
  assert.equal(edge?.requests, 3)
})

test('latency comes from the side that answered, of the time between the readings', () => {
  const server = (one: number, ten: number) =>
    proxy(
      'shop/v1',
      'x',
      took(WEB, 'v1', { 1: one, 10: ten, '+Inf': ten }) +
        took('spiffe://other', 'v1', { 1: 9e6, 10: 9e6, '+Inf': 9e6 }),
    )
  const before = reading(0, { a: web(sent('v1', 1000)), s: server(1000, 1000) })
  const after = reading(1000, { a: web(sent('v1', 1100)), s: server(1000, 1100) })
  assert.equal(trafficBetween(before, after).find(edge => edge.from === 'web/storefront')?.p50, 1 + 9 * 0.5)
})

test('requests of callers without a proxy are counted where they arrive', () => {
  const arrived = (source: string, count: number) =>
    `envoy_smi_requests_total{direction="inbound",source="${source}",destination_namespace="web",destination_name="storefront",response_code="200"} ${count}\n`
  const edges = trafficBetween(reading(0, {}), reading(1000, { a: web(arrived('-', 4) + arrived(WEB, 7)) }))
  assert.deepEqual(
    edges.map(edge => [edge.from, edge.to, edge.requests]),
    [['(no identity)', 'web/storefront', 4]],
  )
})

test('without a request nothing failed and nothing was measured', () => {
  const same = { a: web(sent('v1', 7)) }
  const [edge] = trafficBetween(reading(0, same), reading(1000, same))
  assert.deepEqual([edge?.successRate, edge?.p50], [1, undefined])
})

test('a quantile in the bucket without end is where that bucket begins', () => {
  const buckets = [
    { upToMs: 5, count: 1 },
    { upToMs: Number.POSITIVE_INFINITY, count: 100 },
  ]
  assert.equal(quantile(buckets, 0.99), 5)
  assert.equal(quantile([], 0.5), undefined)
})

test('shares are parts of what all backends together got', () => {
  const edges = trafficBetween(reading(0, {}), reading(1000, { a: web(sent('v1', 90) + sent('v2', 10)) }))
  assert.deepEqual(sharesOf(edges, ['shop/v1:80', 'shop/v2:80']), [0.9, 0.1])
  assert.deepEqual(sharesOf([], ['shop/v1:80']), [undefined])
})

test('labels are read with their escapes, and lines of another form passed over', () => {
  const text =
    '# HELP x\nenvoy_smi_a{l="a\\"b\\\\c\\nd",m="}"} 1\nenvoy_smi_b 2 1700000\nenvoy_smi_c{} nothing\nother 3\n'
  assert.deepEqual(
    parsePrometheus(text, 'envoy_smi_').map(({ name, labels, value }) => [name, labels, value]),
    [
      ['envoy_smi_a', { l: 'a"b\\c\nd', m: '}' }, 1],
      ['envoy_smi_b', {}, 2],
    ],
  )
})

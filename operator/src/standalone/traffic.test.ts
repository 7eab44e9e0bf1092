import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ServicePortKey, serviceKey, servicePortKey } from '@smi-mesh/dataplane/mesh'
import { type EdgeCounters, quantile, sharesOf, trafficBetween } from './traffic.ts'

const v1 = servicePortKey(serviceKey('shop', 'v1'), 80)
const v2 = servicePortKey(serviceKey('shop', 'v2'), 80)
const edge = (
  to: ServicePortKey,
  requests: number,
  failures = 0,
  latency: EdgeCounters['latency'] = [],
): EdgeCounters => ({ from: 'web', to, requests, failures, latency })
const reading = (at: number, proxies: Readonly<Record<string, readonly EdgeCounters[]>>) => ({
  at,
  proxies: new Map(Object.entries(proxies)),
})

test('rates are what was counted between two readings, over all proxies of an owner', () => {
  const [first] = trafficBetween(
    reading(0, { a: [edge(v1, 10, 2)], b: [edge(v1, 5)] }),
    reading(2000, { a: [edge(v1, 30, 3)], b: [edge(v1, 25)] }),
  )
  assert.equal(first?.requests, 40)
  assert.equal(first.requestsPerSecond, 20)
  assert.equal(first.successRate, 1 - 1 / 40)
})

test('a proxy that started anew counts from zero', () => {
  const [first] = trafficBetween(reading(0, { a: [edge(v1, 100)] }), reading(1000, { a: [edge(v1, 3)] }))
  assert.equal(first?.requests, 3)
})

test('without a request nothing failed and nothing was measured', () => {
  const [first] = trafficBetween(reading(0, { a: [edge(v1, 7)] }), reading(1000, { a: [edge(v1, 7)] }))
  assert.deepEqual([first?.successRate, first?.p50], [1, undefined])
})

test('quantiles are read from buckets of the time between, not of all time', () => {
  const before = [
    { upToMs: 1, count: 1000 },
    { upToMs: 10, count: 1000 },
  ]
  const after = [
    { upToMs: 1, count: 1000 },
    { upToMs: 10, count: 1100 },
  ]
  const [first] = trafficBetween(
    reading(0, { a: [edge(v1, 1000, 0, before)] }),
    reading(1000, { a: [edge(v1, 1100, 0, after)] }),
  )
  assert.equal(first?.p50, 1 + 9 * 0.5)
})

test('a quantile in the bucket without end is where that bucket begins', () => {
  assert.equal(
    quantile(
      [
        { upToMs: 5, count: 1 },
        { upToMs: Number.POSITIVE_INFINITY, count: 100 },
      ],
      0.99,
    ),
    5,
  )
  assert.equal(quantile([], 0.5), undefined)
})

test('shares are parts of what all backends together got', () => {
  const edges = trafficBetween(reading(0, {}), reading(1000, { a: [edge(v1, 90), edge(v2, 10)] }))
  assert.deepEqual(sharesOf(edges, [v1, v2]), [0.9, 0.1])
  assert.deepEqual(sharesOf([], [v1]), [undefined])
})

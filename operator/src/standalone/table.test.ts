import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderEdges, renderFrame } from './table.ts'

const v1 = 'shop/checkout-v1:8080'
const v2 = 'shop/checkout-v2:8080'
const edge = (to: string, requests: number) => ({
  from: 'web/storefront',
  to,
  requests,
  requestsPerSecond: requests,
  successRate: 1,
  denied: to === v2 ? 3 : 0,
  p50: 1.25,
  p90: 2,
  p99: 41.6,
})

test('a frame shows what was wanted beside what was observed', () => {
  const text = renderFrame({
    pods: [{ name: 'web/storefront-1-0', state: 'ready', address: '127.1.0.1' }],
    splits: [
      {
        apex: 'shop/checkout:8080',
        name: 'TrafficSplit shop/canary',
        backends: [
          { to: v1, share: 0.9 },
          { to: v2, share: 0.1 },
        ],
      },
    ],
    edges: [edge(v1, 45), edge(v2, 5)],
    complaints: Array.from({ length: 10 }, (_, n) => `Complaint ${n}.`),
  })
  assert.equal(
    text,
    `POD                 STATE  ADDRESS
web/storefront-1-0  ready  127.1.0.1

SPLIT                     OF                  BACKEND                WANTED  OBSERVED
TrafficSplit shop/canary  shop/checkout:8080  shop/checkout-v1:8080  90.0 %    90.0 %
                                              shop/checkout-v2:8080  10.0 %    10.0 %

FROM            TO                     REQ/S  SUCCESS  DENIED     P50     P90    P99
web/storefront  shop/checkout-v1:8080   45.0  100.0 %       -  1.3 ms  2.0 ms  42 ms
web/storefront  shop/checkout-v2:8080    5.0  100.0 %       3  1.3 ms  2.0 ms  42 ms

${Array.from({ length: 8 }, (_, n) => `! Complaint ${n}.\n`).join('')}! and 2 more
`,
  )
})

test('an idle edge makes no line in a log', () => {
  assert.deepEqual(renderEdges([edge(v1, 0)]), [])
  assert.equal(
    renderEdges([edge(v2, 5)])[0],
    'web/storefront -> shop/checkout-v2:8080 5.0/s success=100.0 % denied=3 p50=1.3 ms p99=42 ms',
  )
})

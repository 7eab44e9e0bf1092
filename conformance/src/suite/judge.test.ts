import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallExpectation, When } from '../case.ts'
import type { CallOutcome, Seen } from './driver.ts'
import { has, judgeCalls } from './judge.ts'

const HTTP: When['call'] = { kind: 'http', method: 'GET', path: '/', headers: [] }

function judged(
  expected: CallExpectation,
  seen: Pick<Seen, 'kind'> & {
    readonly outcomes: readonly (readonly [CallOutcome, number])[]
    readonly connections?: number
  },
  when: Partial<When> = {},
): string | undefined {
  const outcomes = seen.outcomes.map(([outcome, part]) => ({ outcome, part }))
  const to = { kind: 'pod', workload: 'v1', port: 8080 } as const
  const all: When = { from: 'client', to, call: HTTP, times: 1, connection: 'new', ...when }
  const { connections } = seen
  const counted = connections === undefined ? { kind: seen.kind, outcomes } : { kind: seen.kind, outcomes, connections }
  return judgeCalls({ kind: 'call', when: all, expected }, counted)
}

const v1: CallOutcome = { kind: 'answered', workload: 'v1', port: 8080 }
const v2: CallOutcome = { kind: 'answered', workload: 'v2', port: 8080 }
const forbidden: CallOutcome = { kind: 'status', status: 403, reason: 'no-rule' }
const denied: CallExpectation = { kind: 'denied', status: 403, reason: 'no-rule' }
const shares: CallExpectation = { kind: 'shares', weights: { v1: 90, v2: 10 } }

test('one answer of the wrong workload among many is told', () => {
  const expected = { kind: 'by', workloads: ['v1'], at: undefined } as const
  assert.equal(judged(expected, { kind: 'counted', outcomes: [[v1, 12]] }), undefined)
  assert.equal(
    judged(expected, {
      kind: 'counted',
      outcomes: [
        [v1, 11],
        [v2, 1],
      ],
    }),
    'every call was to be answered by v1, and this came of them: 11 answered by v1 at 8080, 1 answered by v2 at 8080',
  )
})

test('the right workload at the wrong port is told', () => {
  assert.match(
    judged({ kind: 'by', workloads: ['v1'], at: 8081 }, { kind: 'counted', outcomes: [[v1, 1]] }) ?? '',
    /at 8081/,
  )
})

test('a denial needs its status, and its reason where that is known', () => {
  assert.equal(judged(denied, { kind: 'counted', outcomes: [[forbidden, 1]] }), undefined)
  assert.equal(judged(denied, { kind: 'counted', outcomes: [[{ kind: 'status', status: 403 }, 1]] }), undefined)
  assert.match(
    judged(denied, { kind: 'counted', outcomes: [[{ ...forbidden, reason: 'unidentified' }, 1]] }) ?? '',
    /unidentified/,
  )
  assert.match(judged(denied, { kind: 'counted', outcomes: [[{ kind: 'status', status: 503 }, 1]] }) ?? '', /503/)
  assert.match(judged(denied, { kind: 'counted', outcomes: [[v1, 1]] }) ?? '', /answered by v1/)
})

test('bytes are denied by a closed connection, and a request is not', () => {
  const closed: Seen['outcomes'][number]['outcome'] = { kind: 'closed' }
  assert.equal(judged(denied, { kind: 'counted', outcomes: [[closed, 1]] }, { call: { kind: 'tcp' } }), undefined)
  assert.match(judged(denied, { kind: 'counted', outcomes: [[closed, 1]] }) ?? '', /closed/)
})

test('predicted shares are exact, counted ones within what chance explains', () => {
  assert.equal(
    judged(shares, {
      kind: 'predicted',
      outcomes: [
        [v1, 0.9],
        [v2, 0.1],
      ],
    }),
    undefined,
  )
  assert.match(
    judged(shares, {
      kind: 'predicted',
      outcomes: [
        [v1, 0.89],
        [v2, 0.11],
      ],
    }) ?? '',
    /v1 was to get 0\.900/,
  )
  assert.equal(
    judged(shares, {
      kind: 'counted',
      outcomes: [
        [v1, 375],
        [v2, 25],
      ],
    }),
    undefined,
  )
  assert.match(
    judged(shares, {
      kind: 'counted',
      outcomes: [
        [v1, 200],
        [v2, 200],
      ],
    }) ?? '',
    /v1 was to get 360 of 400 within 30/,
  )
})

test('a share of nought may not get a single call', () => {
  const none: CallExpectation = { kind: 'shares', weights: { v1: 1, v2: 0 } }
  assert.match(
    judged(none, {
      kind: 'counted',
      outcomes: [
        [v1, 399],
        [v2, 1],
      ],
    }) ?? '',
    /within 0/,
  )
})

test('a call of which nothing came is no success', () => {
  assert.match(judged({ kind: 'allowed' }, { kind: 'counted', outcomes: [] }) ?? '', /nothing happened/)
})

test('a kept connection that was opened again is told', () => {
  const seen = { kind: 'counted', outcomes: [[v1, 2]], connections: 2 } as const
  assert.match(judged({ kind: 'allowed' }, seen, { connection: 'kept' }) ?? '', /it took 2/)
  assert.equal(judged({ kind: 'allowed' }, seen), undefined)
})

test('an answer may have more than is wanted, and no less', () => {
  assert.ok(has({ a: 1, list: [{ b: 2, c: 3 }, { d: 4 }] }, { list: [{ d: 4 }, { b: 2 }] }))
  assert.ok(!has({ list: [{ b: 2 }] }, { list: [{ b: 3 }] }))
  assert.ok(!has(undefined, { a: 1 }))
})

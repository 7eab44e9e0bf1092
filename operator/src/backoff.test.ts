import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from './backoff.ts'
import { MeshError } from './mesh-error.ts'

const LEAST = { firstMs: 100, mostMs: 1_000, random: () => 0 }
const MOST = { ...LEAST, random: () => 1 }

function waits(backoff: Backoff, count: number): readonly number[] {
  return Array.from({ length: count }, () => backoff.next())
}

test('each wait is twice the one before until the longest, and half of it is chance', () => {
  assert.deepEqual(waits(new Backoff(LEAST), 6), [50, 100, 200, 400, 500, 500])
  assert.deepEqual(waits(new Backoff(MOST), 6), [100, 200, 400, 800, 1_000, 1_000])
  assert.equal(waits(new Backoff(MOST), 5_000).at(-1), 1_000)
})

test('after a success it begins anew', () => {
  const backoff = new Backoff(MOST)
  waits(backoff, 5)
  backoff.succeeded()
  assert.deepEqual(waits(backoff, 2), [100, 200])
})

test('whoever asks for a longer wait gets it, and not one moment less', () => {
  const error = new MeshError('ApiThrottled', 'Later.', { retryAfterMs: 7_000 })
  assert.equal(new Backoff(LEAST).next(error), 7_000)
})

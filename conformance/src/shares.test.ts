import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Shares } from './shares.ts'
import type { Answer, BackendAnswer, Outcome } from './world.ts'

const call = { kind: 'tcp' } as const

function backend(name: string, share: number, ...pods: readonly string[]): BackendAnswer {
  const inShop = (pod: string) => ({ namespace: 'shop', name: pod })
  return { service: inShop(name), share, pods: pods.map(pod => ({ pod: inShop(pod), verdict: 'allows' })) }
}

const canary: Answer = { kind: 'routed', backends: [backend('v1', 0.9, 'a'), backend('v2', 0.1, 'b')] }

function after(answer: Answer, outcomes: readonly Outcome[]) {
  const shares = new Shares()
  for (const outcome of outcomes) shares.note(answer, call, outcome)
  return shares.summary()
}

const times = (count: number, outcome: Outcome) => Array.from({ length: count }, () => outcome)

test('shares as the weights say are no deviation', () => {
  assert.deepEqual(after(canary, [...times(90, 'pod shop/a'), ...times(10, 'pod shop/b')]).requests, 100)
  assert.ok(Math.abs(after(canary, [...times(90, 'pod shop/a'), ...times(10, 'pod shop/b')]).deviations) < 0.001)
})

test('a split that goes all one way is found out', () => {
  assert.ok(after(canary, times(100, 'pod shop/b')).deviations < -20)
})

test('backends that cannot be told apart say nothing', () => {
  const same: Answer = { kind: 'routed', backends: [backend('v1', 0.9, 'a'), backend('v2', 0.1, 'b', 'a')] }
  assert.equal(after(same, times(100, 'pod shop/b')).requests, 0)
})

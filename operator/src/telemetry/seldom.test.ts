import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seldom } from './seldom.ts'

test('what happens all the time is told once a minute', () => {
  let now = 5
  const told: number[] = []
  const tell = seldom(
    () => now,
    (what: number) => told.push(what),
  )
  for (now of [5, 6, 60_004, 60_005, 60_006, 120_005]) tell(now)
  assert.deepEqual(told, [5, 60_005, 120_005])
})

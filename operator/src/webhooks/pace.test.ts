import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from './pace.ts'

function paced(mostCallers = 10) {
  const clock = { ms: 0 }
  const pace = new Pace({ burst: 3, perSecond: 2, mostCallers, now: () => clock.ms })
  /** How many of so many are allowed. */
  const allowed = (caller: string, asked: number) =>
    Array.from({ length: asked }, () => pace.allows(caller)).filter(Boolean).length
  return { clock, allowed }
}

test('a caller may as often as its pace says, and nobody pays for another', () => {
  const { clock, allowed } = paced()
  assert.equal(allowed('a', 10), 3)
  assert.equal(allowed('b', 10), 3)
  clock.ms += 1_000
  assert.equal(allowed('a', 10), 2)
  clock.ms += 60_000
  assert.equal(allowed('a', 10), 3)
})

test('however many callers come, those that come again and again are remembered', () => {
  const { allowed } = paced(2)
  assert.equal(allowed('a', 3), 3)
  for (const stranger of ['b', 'c', 'd']) {
    assert.equal(allowed(stranger, 1), 1)
    assert.equal(allowed('a', 1), 0)
  }
})

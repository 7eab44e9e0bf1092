import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../testdata/fake-clock.ts'
import { KnownRoots } from './known-roots.ts'

const WAITS = ['The API server has not been told yet by which roots to verify the webhooks.']

async function rig() {
  const clock = new FakeClock()
  const seen = { isKnown: false as boolean | Error, serves: false, looks: 0 }
  const known = new KnownRoots({
    isKnown: async () => {
      seen.looks++
      if (seen.isKnown instanceof Error) throw seen.isKnown
      return seen.isKnown
    },
    serves: () => seen.serves,
    now: clock.now,
    setTimer: clock.setTimer,
  })
  known.start()
  await new Promise(setImmediate)
  return { clock, seen, known }
}

test('a replica is not ready until the API server knows by which roots to verify it; what follows is the affair of the leader', async () => {
  const { clock, seen, known } = await rig()
  seen.serves = true
  await clock.run(5_000)
  assert.deepEqual(known.unready(), WAITS)
  seen.isKnown = true
  await clock.run(1_000)
  assert.deepEqual(known.unready(), [])
  const { looks } = seen
  seen.isKnown = false
  await clock.run(60_000)
  assert.deepEqual([known.unready(), seen.looks], [[], looks])
})

test('where the roots cannot be written, it is ready some time after it serves proxies, and asks no more', async () => {
  const { clock, seen, known } = await rig()
  seen.isKnown = new Error('forbidden')
  await clock.run(120_000)
  assert.deepEqual(known.unready(), WAITS, 'it does not serve yet')
  seen.serves = true
  await clock.run(20_000)
  assert.deepEqual(known.unready(), WAITS)
  await clock.run(15_000)
  assert.deepEqual(known.unready(), [])
  assert.equal(clock.timers, 0)
})

test('nothing is asked after the end', async () => {
  const { clock, seen, known } = await rig()
  await clock.run(1_000)
  known.stop()
  const { looks } = seen
  await clock.run(10_000)
  assert.equal(seen.looks, looks)
})

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { type Reproof, StreamLives } from './stream-life.ts'

const MINUTE = 60_000

/** Streams and when each was ended, by a clock that a test moves. */
function rig(t: TestContext, { random = () => 0, canReview = async () => true }: Partial<Reproof> = {}) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const lives = new StreamLives({ random, canReview }, Date.now)
  const ends: { readonly name: string; readonly minutes: number; readonly code: status }[] = []
  const stream = (name: string) => ({
    end: (code: status) => void ends.push({ name, minutes: Date.now() / MINUTE, code }),
  })
  const pass = async (minutes: number) => {
    for (let step = 0; step < minutes * 4; step++) {
      t.mock.timers.tick(MINUTE / 4)
      await Promise.resolve()
      await Promise.resolve()
    }
  }
  return { lives, ends, stream, pass }
}

test('a stream ends after a quarter to half an hour, each at a time of its own', async t => {
  const chances = [0, 0.5, 1]
  const { lives, ends, stream, pass } = rig(t, { random: () => chances.shift() ?? 0 })
  for (const name of ['a', 'b', 'c']) lives.begin(stream(name), undefined)
  await pass(60)
  assert.deepEqual(ends, [
    { name: 'a', minutes: 15, code: status.UNAVAILABLE },
    { name: 'b', minutes: 22.5, code: status.UNAVAILABLE },
    { name: 'c', minutes: 30, code: status.UNAVAILABLE },
  ])
})

test('a stream ends when its token does, where that is earlier', async t => {
  const { lives, ends, stream, pass } = rig(t)
  lives.begin(stream('a'), 5 * MINUTE)
  lives.begin(stream('b'), 50 * MINUTE)
  await pass(60)
  assert.deepEqual(
    ends.map(({ name, minutes }) => [name, minutes]),
    [
      ['a', 5],
      ['b', 15],
    ],
  )
})

test('a token that seems to have expired long ago, for a clock is wrong, proves a stream for a minute all the same', async t => {
  const { lives, ends, stream, pass } = rig(t)
  lives.begin(stream('a'), -10 * MINUTE)
  await pass(5)
  assert.deepEqual(
    ends.map(({ minutes }) => minutes),
    [1],
  )
})

test('while no token could be judged, no stream ends; once one can, they do, one after the other', async t => {
  let can = false
  let chance = 0
  const random = () => (chance = (chance + 0.5) % 1)
  const { lives, ends, stream, pass } = rig(t, { random, canReview: async () => can })
  for (const name of ['a', 'b']) lives.begin(stream(name), undefined)
  await pass(120)
  assert.deepEqual(ends, [])
  can = true
  await pass(1)
  assert.deepEqual(ends.map(({ name }) => name).sort(), ['a', 'b'])
})

test('a stream that has ended by itself is not ended again', async t => {
  const { lives, ends, stream, pass } = rig(t)
  const gone = stream('a')
  lives.begin(gone, undefined)
  lives.forget(gone)
  await pass(60)
  assert.deepEqual(ends, [])
})

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { type Answer, Bodies } from './bodies.ts'

const MIB = 1 << 20

async function* sent(mebibytes: number, ended: Promise<void> = Promise.resolve()): AsyncGenerator<Buffer> {
  const chunk = Buffer.alloc(MIB, 'x')
  for (let count = 0; count < mebibytes; count++) yield chunk
  await ended
}

function statusOf(read: string | Answer): number {
  return typeof read === 'string' ? 200 : read.status
}

test('what is begun and never ended takes a share of the room and no more; small bodies have a room of their own', async t => {
  const bodies = new Bodies(4 * MIB)
  const { promise: never, resolve: end } = Promise.withResolvers<void>()
  t.after(() => end())
  const slow = Array.from({ length: 3 }, () => bodies.body())
  const reading = slow.map(body => body.read(sent(2, never), 64 * MIB))
  assert.equal(statusOf(await Promise.race(reading)), 503)
  assert.equal(await bodies.body().read(Readable.from([Buffer.from('{}')]), MIB), '{}')
  for (const body of slow) body.release()
  assert.equal(statusOf(await bodies.body().read(sent(2), 64 * MIB)), 200)
})

test('a body is refused once it is more than its path takes', async () => {
  const bodies = new Bodies()
  assert.equal(statusOf(await bodies.body().read(sent(2), 2 * MIB)), 200)
  assert.equal(statusOf(await bodies.body().read(sent(3), 2 * MIB)), 413)
})

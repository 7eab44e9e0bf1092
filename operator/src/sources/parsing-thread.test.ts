import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ParsingOutcome, ParsingThread } from './parsing-thread.ts'

/** A thread that does what the first word of a file says. */
const program = new URL(
  `data:text/javascript,${encodeURIComponent(`
import { parentPort } from 'node:worker_threads'
const hoard = []
parentPort.on('message', ({ file, bytes }) => {
  const word = new TextDecoder().decode(bytes)
  if (word === 'hang') for (;;);
  if (word === 'throw') throw new Error('out of order')
  if (word === 'leave') process.exit(0)
  if (word === 'hoard') for (;;) hoard.push(new Array(100_000).fill(hoard.length + 0.5))
  parentPort.postMessage({ kind: 'ok', objects: [], said: file })
})`)}`,
)

const bytes = (word: string) => new TextEncoder().encode(word)

async function outcomes(
  words: readonly string[],
  limits = { parsingMs: 5_000, parsingMegabytes: 64 },
): Promise<readonly ParsingOutcome[]> {
  const thread = new ParsingThread(limits, program)
  try {
    return await Promise.all(
      words.map(word => new Promise<ParsingOutcome>(resolve => thread.parse(`${word}.yaml`, bytes(word), resolve))),
    )
  } finally {
    await thread.stop()
  }
}

const messageOf = (outcome: ParsingOutcome | undefined) =>
  outcome?.kind === 'failed' ? outcome.message : outcome?.kind

test('a thread that hangs costs the file it was at, and no other', async () => {
  const [hung, next] = await outcomes(['hang', 'good'], { parsingMs: 2_000, parsingMegabytes: 64 })
  assert.match(messageOf(hung) ?? '', /longer than 2 s/)
  assert.equal(next?.kind, 'ok')
})

test('a thread that dies costs the file it was at, and no other', async () => {
  const [thrown, left, next] = await outcomes(['throw', 'leave', 'good'])
  assert.match(messageOf(thrown) ?? '', /ended before it was done \(out of order\)/)
  assert.match(messageOf(left) ?? '', /ended before it was done/)
  assert.equal(next?.kind, 'ok')
})

test('a thread that takes too much memory is ended before the process is', async () => {
  const [full, next] = await outcomes(['hoard', 'good'])
  assert.match(messageOf(full) ?? '', /more than 64 MB of memory/)
  assert.equal(next?.kind, 'ok')
})

test('what was given up is not told of, whether it ran or waited, and what stands behind it is', async () => {
  const thread = new ParsingThread({ parsingMs: 5_000, parsingMegabytes: 64 }, program)
  const told: string[] = []
  const giveUp = ['hang', 'waiting'].map(word => thread.parse(word, bytes(word), () => told.push(word)))
  const good = new Promise<void>(resolve =>
    thread.parse('good', bytes('good'), () => {
      told.push('good')
      resolve()
    }),
  )
  for (const end of giveUp) end()
  await good
  assert.deepEqual(told, ['good'])
  await thread.stop()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MeshError } from './mesh-error.ts'
import { Readiness, type WaitEvent } from './readiness.ts'

function rig() {
  const events: WaitEvent[] = []
  const waits: number[] = []
  const ended = new AbortController()
  const readiness = new Readiness({
    random: () => 1,
    setTimer: (callback, ms) => {
      waits.push(ms)
      const timer = setImmediate(callback)
      return () => clearImmediate(timer)
    },
    signal: ended.signal,
    onEvent: event => events.push(event),
  })
  return { readiness, events, waits, ended }
}

const AWAY = new MeshError('ApiUnreachable', 'The API server did not answer: ECONNREFUSED.')

test('what cannot be had yet is tried again, ever more slowly, and is said: once in the log, and when asked', async () => {
  const { readiness, events, waits } = rig()
  const said: (readonly string[])[] = []
  let attempts = 0
  const found = await readiness.until('the authority', async () => {
    said.push(readiness.unready())
    if (attempts++ < 7) throw AWAY
    return 'found'
  })
  assert.equal(found, 'found')
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  assert.deepEqual(said.at(1), [
    'Waits for the authority: The API server did not answer: ECONNREFUSED.',
    'Proxies are not served yet.',
  ])
  assert.deepEqual(
    events.map(({ kind, what }) => `${kind} ${what}`),
    ['waits the authority', 'waited the authority'],
  )
  assert.deepEqual(readiness.unready(), ['Proxies are not served yet.'])
  readiness.serves()
  assert.deepEqual(readiness.unready(), [])
})

test('another reason to wait is said anew', async () => {
  const { readiness, events } = rig()
  const failures = [AWAY, AWAY, new MeshError('StateDamaged', 'It is half written.')]
  await readiness.until('the authority', async () => {
    const failure = failures.shift()
    if (failure !== undefined) throw failure
  })
  assert.deepEqual(
    events.map(event => (event.kind === 'waits' ? event.error.code : event.kind)),
    ['ApiUnreachable', 'StateDamaged', 'waited'],
  )
})

test('what waiting cannot mend is thrown at once: a configuration, and a bug of ours', async () => {
  const { readiness } = rig()
  for (const error of [
    new MeshError('ConfigRefused', 'No.'),
    new MeshError('StateForeign', 'No.'),
    new TypeError('x'),
  ]) {
    await assert.rejects(
      readiness.until('x', () => Promise.reject(error)),
      error,
    )
  }
})

test('whoever is told to end waits no longer', async () => {
  const { readiness, ended } = rig()
  const reason = new Error('enough')
  const waiting = readiness.until('x', async () => {
    ended.abort(reason)
    throw AWAY
  })
  await assert.rejects(waiting, reason)
})

test('who stops is not ready, whatever else may be', () => {
  const { readiness } = rig()
  readiness.serves()
  readiness.ask(() => ['The pods of the cluster have not been read yet.'])
  assert.deepEqual(readiness.unready(), ['The pods of the cluster have not been read yet.'])
  readiness.stops()
  assert.deepEqual(readiness.unready(), ['This replica is stopping.'])
})

test('whoever is needed by what it waits for counts as ready, but not when it stops', () => {
  const { readiness } = rig()
  let isNeeded = true
  readiness.needed(() => isNeeded)
  readiness.ask(() => ['The trafficsplits of the cluster have not been read yet.'])
  assert.deepEqual(readiness.unready(), [])
  isNeeded = false
  assert.equal(readiness.unready().length, 2)
  isNeeded = true
  readiness.stops()
  assert.deepEqual(readiness.unready(), ['This replica is stopping.'])
})

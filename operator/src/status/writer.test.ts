import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MeshError } from '../mesh-error.ts'
import { conditionsOf } from './conditions.ts'
import { DEFAULT_RATE, type StatusEvent, type StatusUpdate, StatusWriter, type Wanted } from './writer.ts'

const T0 = Date.UTC(2026, 0, 1)
/** Just longer than a difference is left alone. */
const SETTLED = DEFAULT_RATE.settleMs + 1

function wanted(name: string, generation = 1): Wanted {
  const ref = { kind: 'TrafficSplit', namespace: 'shop', name }
  return { ref, apiVersion: 'split.smi-spec.io/v1alpha4', generation, conditions: conditionsOf([], generation) }
}

function object(name: string, generation = 1, conditions: readonly object[] = []): object {
  return { metadata: { name, namespace: 'shop', uid: `uid-${name}`, generation }, status: { conditions } }
}

function rig(
  fails: (update: StatusUpdate) => Error | undefined = () => undefined,
  onEvent: (event: StatusEvent) => void = () => undefined,
) {
  const writes: StatusUpdate[] = []
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  let now = 0
  let set = 0
  const writer = new StatusWriter({
    write: async update => {
      const error = fails(update)
      if (error !== undefined) throw error
      writes.push(update)
    },
    onEvent,
    now: () => now,
    clock: () => T0 + now,
    random: () => 1,
    setTimer: (callback, ms) => {
      set++
      const timer = { at: now + ms, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
  })
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  /** Lets time pass, timer by timer. */
  const pass = async (ms: number) => {
    const end = now + ms
    await settle()
    for (;;) {
      const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      timers.delete(next)
      now = Math.max(now, next.at)
      next.callback()
      await settle()
    }
    now = end
  }
  const add = (name: string, generation = 1, conditions: readonly object[] = []) => {
    writer.see(wanted(name).ref, object(name, generation, conditions))
    writer.want(wanted(name, generation))
  }
  return { writer, writes, pass, add, timersSet: () => set, names: () => writes.map(({ ref }) => ref.name) }
}

test('nothing is written by who does not lead; who comes to lead writes the difference, all of it', async () => {
  const { writer, names, pass, add } = rig()
  for (const name of ['a', 'b', 'c']) add(name)
  await pass(60_000)
  assert.deepEqual(names(), [])
  writer.lead(() => true)
  await pass(SETTLED)
  assert.deepEqual(names().sort(), ['a', 'b', 'c'])
  await pass(60_000)
  assert.equal(names().length, 3, 'and once')
})

test('an object that says already what it should is left alone', async () => {
  const { writer, names, pass, add } = rig()
  add(
    'a',
    1,
    conditionsOf([], 1).map(condition => ({ ...condition, lastTransitionTime: '2025-01-01T00:00:00Z' })),
  )
  writer.lead(() => true)
  await pass(60_000)
  assert.deepEqual(names(), [])
})

test('what is written names version, UID, generation and the time of the transition', async () => {
  const { writer, writes, pass, add } = rig()
  writer.lead(() => true)
  add('a')
  await pass(SETTLED)
  assert.deepEqual(writes[0], {
    ref: { kind: 'TrafficSplit', namespace: 'shop', name: 'a' },
    apiVersion: 'split.smi-spec.io/v1alpha4',
    uid: 'uid-a',
    conditions: conditionsOf([], 1).map(one => ({ ...one, lastTransitionTime: '2026-01-01T00:00:00Z' })),
  })
})

test('a status that stays keeps the time since which it has been so', async () => {
  const { writer, writes, pass, add } = rig()
  writer.lead(() => true)
  const since = '2025-01-01T00:00:00Z'
  add(
    'a',
    2,
    conditionsOf([], 1).map(one => ({ ...one, lastTransitionTime: since })),
  )
  await pass(SETTLED)
  assert.deepEqual(
    writes[0]?.conditions.map(({ lastTransitionTime }) => lastTransitionTime),
    [since, since, since],
  )
})

test('an object that is not found is told as a failure only where that lasts; other failures are told at once', async () => {
  const told: (readonly [string, boolean])[] = []
  const { writer, pass, add } = rig(
    ({ ref }) => new MeshError(ref.name === 'gone' ? 'ApiNotFound' : 'ApiFailed', 'Not now.'),
    event => {
      if (event.kind === 'failed') told.push([event.ref.name, event.first])
    },
  )
  writer.lead(() => true)
  add('gone')
  add('other')
  await pass(300_000)
  const of = (name: string) => told.filter(([one]) => one === name).map(([, first]) => first)
  assert.deepEqual(of('other').slice(0, 3), [true, false, false])
  assert.deepEqual(of('gone').slice(0, 5), [false, false, false, true, false])
})

test('what was found for an older text than the object has now is not written', async () => {
  const { writer, writes, pass } = rig()
  writer.lead(() => true)
  writer.want(wanted('a', 1))
  writer.see(wanted('a').ref, object('a', 2))
  await pass(60_000)
  assert.equal(writes.length, 0)
  writer.want(wanted('a', 2))
  await pass(SETTLED)
  assert.equal(writes[0]?.conditions[0]?.observedGeneration, 2)
})

test('changes in quick succession are one write, and not before the proxies had time to be told', async () => {
  const { writer, writes, pass } = rig()
  writer.lead(() => true)
  for (const generation of [1, 2, 3]) {
    writer.see(wanted('a').ref, object('a', generation))
    writer.want(wanted('a', generation))
    await pass(50)
  }
  assert.equal(writes.length, 0)
  await pass(SETTLED)
  assert.deepEqual(
    writes.map(({ conditions }) => conditions[0]?.observedGeneration),
    [3],
  )
})

test('what it takes to come to lead follows the number of objects, and not its square', async () => {
  const { writer, names, pass, add, timersSet } = rig()
  for (let at = 0; at < 1_000; at++) add(`split-${at}`)
  writer.lead(() => true)
  assert.ok(timersSet() <= 2, `${timersSet()} timers`)
  await pass(120_000)
  assert.equal(new Set(names()).size, 1_000)
})

test('an object is written at most once a second, and then what is wanted last', async () => {
  const { writer, writes, pass } = rig()
  writer.lead(() => true)
  for (let generation = 1; generation <= 30; generation++) {
    writer.see(wanted('a').ref, object('a', generation))
    writer.want(wanted('a', generation))
    await pass(100)
  }
  assert.ok(writes.length >= 2, 'one that changes all the time is written all the same')
  await pass(2_000)
  assert.ok(writes.length <= 5, `${writes.length} writes`)
  assert.equal(writes.at(-1)?.conditions[0]?.observedGeneration, 30)
})

test('many objects are written at the rate that was agreed, none forgotten', async () => {
  const { writer, writes, pass, add } = rig()
  for (let at = 0; at < 200; at++) add(`split-${at}`)
  writer.lead(() => true)
  await pass(SETTLED)
  assert.ok(writes.length <= 41, `${writes.length} at once`)
  await pass(4_000)
  assert.ok(writes.length <= 121, `${writes.length} in four seconds`)
  await pass(10_000)
  assert.equal(new Set(writes.map(({ ref }) => ref.name)).size, 200)
})

test('a failed write is tried again, later each time, and delays no other', async () => {
  let fails = 4
  const events: number[] = []
  const { writer, names, pass, add } = rig(({ ref }) => {
    if (ref.name !== 'a' || fails-- <= 0) return undefined
    events.push(fails)
    return new MeshError('ApiFailed', 'etcd is busy.')
  })
  writer.lead(() => true)
  add('a')
  add('b')
  await pass(SETTLED)
  assert.deepEqual(names(), ['b'])
  await pass(1_000)
  assert.equal(events.length, 2)
  await pass(60_000)
  assert.deepEqual(names(), ['b', 'a'])
})

test('who leads no more stops in the middle', async () => {
  const { writer, names, pass, add } = rig()
  for (let at = 0; at < 200; at++) add(`split-${at}`)
  writer.lead(() => true)
  await pass(SETTLED)
  const before = names().length
  writer.follow()
  await pass(60_000)
  assert.equal(names().length, before)
})

test('who lost the lease unawares is asked before each write', async () => {
  const { writer, names, pass, add } = rig()
  let holds = true
  for (let at = 0; at < 200; at++) add(`split-${at}`)
  writer.lead(() => holds)
  await pass(SETTLED)
  const before = names().length
  holds = false
  await pass(60_000)
  assert.equal(names().length, before)
})

test('what somebody else wrote over is written again, and what is gone is not', async () => {
  const { writer, names, pass, add } = rig()
  writer.lead(() => true)
  add('a')
  await pass(2_000)
  writer.see(wanted('a').ref, object('a', 1, [{ type: 'Accepted', status: 'False', reason: 'Mine', message: '' }]))
  await pass(2_000)
  assert.deepEqual(names(), ['a', 'a'])
  writer.forget(wanted('a').ref)
  writer.want(wanted('a', 1))
  await pass(2_000)
  assert.deepEqual(names(), ['a', 'a'])
})

test('a new leader does not take back at once what proxies refuse, which it has yet to hear', async () => {
  const { writer, writes, pass, add } = rig()
  const refused = { type: 'Programmed', status: 'False', reason: 'ProxyRejected', message: '', observedGeneration: 1 }
  add('same', 1, [refused])
  add('changed', 2, [refused])
  writer.lead(() => true)
  await pass(SETTLED)
  assert.deepEqual(
    writes.map(({ ref }) => ref.name),
    ['changed'],
    'of its new text nothing has been refused',
  )
  await pass(DEFAULT_RATE.unrefusedMs - 2 * SETTLED)
  assert.equal(writes.length, 1)
  await pass(2 * SETTLED)
  assert.deepEqual(
    writes.map(({ ref }) => ref.name),
    ['changed', 'same'],
    'no proxy has refused it since',
  )
})

test('what is still refused when it is heard of is never taken back', async () => {
  const { writer, writes, pass, add } = rig()
  const refused = { type: 'Programmed', status: 'False', reason: 'ProxyRejected', message: '', observedGeneration: 1 }
  add('a', 1, [refused])
  writer.lead(() => true)
  await pass(10_000)
  const { ref, conditions } = wanted('a')
  const heard = conditions.map(one => (one.type === 'Programmed' ? { ...one, ...refused, type: one.type } : one))
  writer.see(ref, object('a', 1, heard))
  writer.want({ ...wanted('a'), conditions: heard as Wanted['conditions'] })
  await pass(120_000)
  assert.deepEqual(writes, [])
})

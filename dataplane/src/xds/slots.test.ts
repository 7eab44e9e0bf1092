import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Slots } from './slots.ts'

test('who holds all places gives up its first one to somebody else, and not to itself', () => {
  const slots = new Slots<number>(2)
  slots.take('stranger', 1)
  slots.take('stranger', 2)
  assert.deepEqual(slots.take('stranger', 3), { kind: 'refused' })
  assert.deepEqual(slots.take('server', 4), { kind: 'taken', displaced: 1 })
})

test('one who holds none gets a place, whoever holds the others', () => {
  const slots = new Slots<number>(2)
  slots.take('a', 1)
  slots.take('b', 2)
  assert.deepEqual(slots.take('b', 3), { kind: 'refused' })
  assert.deepEqual(slots.take('c', 4), { kind: 'taken', displaced: 1 })
  slots.release('a', 1)
  slots.release('b', 2)
  assert.deepEqual(slots.take('b', 5), { kind: 'taken' })
})

test('whatever strangers do, there are never more places than allowed, and one who holds none gets one', () => {
  const act = fc.record({ holder: fc.constantFrom('a', 'b', 'c'), takes: fc.boolean() })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (acts, places) => {
      const slots = new Slots<number>(places)
      const held = new Map<number, string>()
      let next = 0
      for (const { holder, takes } of acts) {
        const [mine] = [...held].find(([, owner]) => owner === holder) ?? []
        if (takes) {
          const counts = Map.groupBy(held.values(), owner => owner)
          const most = Math.max(0, ...[...counts.values()].map(({ length }) => length))
          const placed = slots.take(holder, next)
          if (placed.kind === 'taken') held.set(next, holder)
          if (placed.kind === 'taken' && placed.displaced !== undefined) {
            assert.equal(counts.get(held.get(placed.displaced) ?? '')?.length, most, 'taken from the greediest')
          }
          if (placed.kind === 'taken' && placed.displaced !== undefined) held.delete(placed.displaced)
          next++
        } else if (mine !== undefined) {
          slots.release(holder, mine)
          held.delete(mine)
        }
        assert.ok(held.size <= places)
      }
      assert.equal(slots.take('newcomer', next).kind, 'taken')
    }),
  )
})

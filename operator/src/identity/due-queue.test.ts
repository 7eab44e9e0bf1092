import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DueQueue } from './due-queue.ts'

test('whatever was set, moved and deleted, keys come out when they are due, soonest first', () => {
  const action = fc.record({
    kind: fc.constantFrom('set', 'set', 'set', 'delete', 'take'),
    key: fc.nat(9),
    at: fc.nat(50),
  })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200, size: 'max' }), actions => {
      const queue = new DueQueue<number>()
      const model = new Map<number, number>()
      for (const { kind, key, at } of actions) {
        if (kind === 'set') {
          queue.set(key, at)
          model.set(key, at)
        } else if (kind === 'delete') {
          queue.delete(key)
          model.delete(key)
        } else {
          const taken = queue.take(at)
          const soonest = Math.min(...model.values())
          if (soonest > at) assert.equal(taken, undefined)
          else assert.equal(model.get(taken ?? -1), soonest)
          if (taken !== undefined) model.delete(taken)
        }
        assert.equal(queue.next(), model.size === 0 ? undefined : Math.min(...model.values()))
        assert.equal(queue.size, model.size)
      }
    }),
  )
})

test('nothing is due before its time', () => {
  const queue = new DueQueue<string>()
  queue.set('web', 10)
  assert.equal(queue.take(9), undefined)
  assert.equal(queue.take(10), 'web')
  assert.equal(queue.take(10), undefined)
})

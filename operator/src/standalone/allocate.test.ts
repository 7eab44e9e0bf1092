import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allocate } from './allocate.ts'

const range = { first: 1, last: 3 }

test('new names are numbered in their order, whatever the order they come in', () => {
  assert.deepEqual(
    [...allocate(new Map(), ['b', 'a'], range).numbers],
    [
      ['a', 1],
      ['b', 2],
    ],
  )
})

test('a name that goes and returns has its number again', () => {
  const first = allocate(new Map(), ['a', 'b'], range).numbers
  const without = allocate(first, ['b'], range).numbers
  assert.equal(allocate(without, ['a', 'b'], range).numbers.get('a'), 1)
})

test('when all numbers were used, the one longest out of use is taken', () => {
  let numbers = allocate(new Map(), ['a', 'b', 'c'], range).numbers
  numbers = allocate(numbers, ['b', 'c'], range).numbers
  numbers = allocate(numbers, ['b'], range).numbers
  const { numbers: after, left } = allocate(numbers, ['b', 'd', 'e', 'f'], range)
  assert.deepEqual([after.get('b'), after.get('d'), after.get('e'), left], [2, 1, 3, ['f']])
})

test('over any edits, names keep their numbers and no two share one', () => {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'))
  fc.assert(
    fc.property(fc.array(names), edits => {
      let before: ReadonlyMap<string, number> = new Map()
      let present: readonly string[] = []
      for (const wanted of edits) {
        const { numbers, left } = allocate(before, wanted, { first: 10, last: 13 })
        const given = wanted.flatMap(name => numbers.get(name) ?? [])
        assert.equal(new Set(given).size, wanted.length - left.length)
        assert.ok(left.length === Math.max(0, wanted.length - 4))
        for (const name of wanted)
          if (present.includes(name) && before.has(name)) assert.equal(numbers.get(name), before.get(name))
        before = numbers
        present = wanted
      }
    }),
  )
})

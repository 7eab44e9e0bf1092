import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_NAMES, nameSet, withNames, withoutNames } from './name-set.ts'

test('equal sets are one object, whatever order they were named in', () => {
  assert.equal(nameSet(['a', 'b', 'c']), nameSet(['c', 'a', 'b', 'a']))
  assert.notEqual(nameSet(['a', 'b']), nameSet(['a', 'c']))
})

test('a set that grew and shrank back is the set it was', () => {
  const set = nameSet(['a', 'b'])
  assert.equal(withoutNames(withNames(set, ['c']), ['c']), set)
})

test('what makes no difference makes no new set', () => {
  const set = nameSet(['a'])
  assert.equal(withNames(set, ['a']), set)
  assert.equal(withoutNames(set, ['b']), set)
  assert.equal(withoutNames(set, ['a']), NO_NAMES)
})

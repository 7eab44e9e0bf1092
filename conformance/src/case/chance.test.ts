import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chanceOf, timesToTell } from './chance.ts'

test('two to one takes more calls to tell from even shares than nine to one', () => {
  assert.equal(timesToTell({ v1: 2, v2: 1 }), 850)
  assert.equal(timesToTell({ v1: 90, v2: 10 }), 100)
})

test('even shares cannot be told from even ones', () => {
  assert.equal(timesToTell({ v1: 1, v2: 1 }), 0)
})

test('what chance does to even shares is never within what it may do to the others', () => {
  for (const weights of [
    { v1: 2, v2: 1 },
    { v1: 3, v2: 1 },
    { v1: 1, v2: 1, v3: 2 },
  ]) {
    const times = timesToTell(weights)
    const sum = Object.values(weights).reduce((total, weight) => total + weight)
    const even = 1 / Object.keys(weights).length
    const isTold = Object.values(weights).some(weight => {
      const apart = Math.abs(weight / sum - even) * times
      return apart >= chanceOf(weight / sum, times) + chanceOf(even, times)
    })
    assert.ok(isTold, JSON.stringify(weights))
  }
})

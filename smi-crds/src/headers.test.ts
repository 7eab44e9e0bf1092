import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { headerEntries, headerPatterns } from './headers.ts'

describe('headerPatterns', () => {
  it('reads a map, a list of maps, and a list whose maps hold several headers', () => {
    const both = { cookie: 'a', 'user-agent': 'b' }
    assert.deepEqual(headerPatterns({ Cookie: 'a', 'User-Agent': 'b' }), both)
    assert.deepEqual(headerPatterns([{ Cookie: 'a' }, { 'User-Agent': 'b' }]), both)
    assert.deepEqual(headerPatterns([{ Cookie: 'a', 'User-Agent': 'b' }]), both)
  })

  it('holds a header of any name', () => {
    const headers: unknown = JSON.parse('{"__proto__": "a", "constructor": "b"}')
    assert.deepEqual(Object.entries(headerPatterns(headers)), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
  })

  it('holds nothing if there is nothing', () => {
    for (const none of [undefined, null, {}, []]) assert.deepEqual(headerPatterns(none), {})
  })
})

describe('headerEntries', () => {
  it('knows what are no headers', () => {
    for (const wrong of ['a: b', 3, ['a'], [['a', 'b']], [null]]) assert.equal(headerEntries(wrong), undefined)
  })
})

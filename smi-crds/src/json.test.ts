import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { fits, fromText, sameJson, toText, withField } from './json.ts'

const deep: unknown = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)

describe('sameJson', () => {
  it('agrees with a deep comparison of parsed values', () => {
    const parsed = fc.jsonValue({ maxDepth: 2 }).map(value => JSON.parse(JSON.stringify(value)) as unknown)
    fc.assert(fc.property(parsed, parsed, (a, b) => sameJson(a, b) === isDeepStrictEqual(a, b)))
    fc.assert(fc.property(parsed, a => sameJson(a, structuredClone(a))))
  })

  it('does not mind the order of fields, but that of lists', () => {
    assert.equal(sameJson({ a: 1, b: 2 }, { b: 2, a: 1 }), true)
    assert.equal(sameJson([1, 2], [2, 1]), false)
    assert.equal(sameJson({ a: 1 }, { a: 1, b: undefined }), false)
    assert.equal(sameJson([], {}), false)
  })

  it('compares values nested deeper than the stack reaches', () => {
    assert.equal(sameJson(deep, deep), true)
    assert.equal(sameJson(deep, [deep]), false)
  })
})

describe('fits', () => {
  it('counts values and depth', () => {
    assert.equal(fits([1, [2]], { nodes: 4, depth: 2 }), true)
    assert.equal(fits([1, [2]], { nodes: 3, depth: 2 }), false)
    assert.equal(fits([1, [2]], { nodes: 4, depth: 1 }), false)
    assert.equal(fits(deep, { nodes: 1000, depth: 1000 }), false)
  })
})

describe('toText', () => {
  it('gives no text for what an annotation could not hold', () => {
    assert.equal(toText({ a: [1] }), '{"a":[1]}')
    assert.equal(toText(deep), undefined)
    assert.equal(toText('x'.repeat(200_000)), undefined)
  })

  it('is read back by fromText, which takes any text', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => sameJson(fromText(toText(value) ?? ''), JSON.parse(JSON.stringify(value)))),
    )
    assert.equal(fromText('{'), undefined)
  })
})

describe('withField', () => {
  it('sets, replaces and removes, and is not misled by names that objects have of their own', () => {
    assert.deepEqual(withField({ a: 1 }, 'b', 2), { a: 1, b: 2 })
    assert.deepEqual(withField({ a: 1 }, 'a', undefined), {})
    assert.deepEqual(Object.keys(withField({}, '__proto__', { spec: 1 })), ['__proto__'])
  })
})

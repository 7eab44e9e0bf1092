import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isNestedWithin, jsonText } from './json-text.ts'

const DEPTH = 50_000
const deep = (inner: string) => `${'{"a":['.repeat(DEPTH)}${inner}${']}'.repeat(DEPTH)}`

test('what is nested deeper than a recursion reaches is written as it was read', () => {
  fc.assert(
    fc.property(fc.json(), inner => {
      const text = deep(JSON.stringify(JSON.parse(inner)))
      assert.equal(jsonText(JSON.parse(text)), text)
    }),
    { numRuns: 5 },
  )
})

test('a text is as deep as its brackets are, apart from those in its strings', () => {
  for (const [text, depth] of [
    ['[]', 1],
    ['[[],{"a":[]}]', 3],
    ['{"a":"[[[[{\\"[[\\\\"}', 1],
    ['{"[\\\\":[1]}', 2],
  ] as const) {
    assert.deepEqual([isNestedWithin(text, depth), isNestedWithin(text, depth - 1)], [true, false], text)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzz } from './fuzz-mesh.ts'

const OBJECTS = Number(process.env['FUZZ_OBJECTS'] ?? 2_000)
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)

test('no object makes the mesh throw, and none changes what proxies of another namespace are given', () => {
  const { objects, taken } = fuzz(OBJECTS, SEED)
  assert.equal(objects, OBJECTS)
  assert.ok(taken > objects / 3, `Only ${taken} of ${objects} objects had a name, which proves too little.`)
})

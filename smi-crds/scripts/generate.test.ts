import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { readCrds } from './crd.ts'
import { generate } from './generate.ts'

for (const [file, text] of Object.entries(generate(readCrds()))) {
  it(`src/${file} is what crds/ say (npm run generate)`, () => {
    assert.equal(readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8'), text)
  })
}

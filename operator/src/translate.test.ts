/** The golden driver: every folder of testdata/translate is a case, `in.yaml` its input, all else its expected output. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { goldenFiles } from './golden.ts'

const CASES = join(import.meta.dirname, '../testdata/translate')
const UPDATE = process.env['UPDATE_GOLDEN'] === '1'

function documents(file: string): readonly unknown[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).flatMap(document => document.toJS() ?? [])
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name !== 'in.yaml')
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

const scene = documents(join(CASES, 'scene.yaml'))
for (const name of readdirSync(CASES, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(e => e.name)) {
  test(`translate ${name}`, () => {
    const folder = join(CASES, name)
    const files = goldenFiles(scene, documents(join(folder, 'in.yaml')))
    if (UPDATE) {
      for (const stale of filesBelow(folder)) rmSync(join(folder, stale))
      for (const [file, text] of files) {
        mkdirSync(dirname(join(folder, file)), { recursive: true })
        writeFileSync(join(folder, file), text)
      }
    }
    assert.deepEqual(
      filesBelow(folder),
      [...files.keys()].sort(),
      'the same files; run `make golden` and read the diff',
    )
    for (const [file, text] of files) {
      const path = join(folder, file)
      assert.equal(text, existsSync(path) ? readFileSync(path, 'utf8') : '', `${name}/${file}`)
    }
  })
}

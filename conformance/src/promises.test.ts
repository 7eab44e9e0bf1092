import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** Number, words and files of each line of the page. */
const rows = [...read('docs/reference/promises.md').matchAll(/^\| (\d+) \| "(.+)" \| (.+?) \|/gm)].map(
  ([, number = '', words = '', files = '']) => ({
    number,
    words,
    files: [...files.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file),
  }),
)

test('the page of promises has all fifteen', () => {
  assert.deepEqual(
    rows.map(({ number }) => number),
    Array.from({ length: 15 }, (_, at) => `${at + 1}`),
  )
})

for (const { number, words, files } of rows) {
  test(`the page says where phrase ${number} is shown`, () => {
    assert.ok(files.length > 0)
    for (const file of files) {
      assert.ok(existsSync(join(ROOT, file)), file)
      assert.ok(read(file).replaceAll("\\'", "'").includes(`phrase ${number}: "${words}"`), `${file}: ${words}`)
    }
  })
}

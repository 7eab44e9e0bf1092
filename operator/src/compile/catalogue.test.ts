/** The catalogue of reasons, its documentation and its proofs: each holds exactly what the others do. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REASONS, reasonEntry } from './index.ts'

const root = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const sources = (pattern: string) => globSync(pattern, { cwd: root, exclude: ['**/node_modules/**'] })
const reasons = Object.keys(REASONS)

/** The headings of the reference, with the table cells below each. */
function documented(): ReadonlyMap<string, string> {
  const sections = read('docs/reference/conditions.md').split(/^### /m).slice(1)
  return new Map(sections.map(section => [section.slice(0, section.indexOf('\n')).trim(), section]))
}

test('every reason is documented, and everything documented is a reason', () => {
  assert.deepEqual([...documented().keys()].sort(), [...reasons].sort())
})

test('the reference says of every reason what the catalogue says', () => {
  for (const [name, section] of documented()) {
    const entry = Object.entries(REASONS).find(([reason]) => reason === name)?.[1]
    assert.ok(entry !== undefined && section.includes(entry.meaning) && section.includes(entry.remedy), name)
    assert.ok(section.includes(`\`${entry.condition}\``), `${name}: ${entry.condition}`)
    assert.equal(section.includes('stays `True`'), entry.effect === 'warns', name)
  }
})

test('every reason is produced by some test', () => {
  const tests = sources('{operator,conformance}/**/*.test.ts').filter(path => !path.endsWith('catalogue.test.ts'))
  const text = tests.map(read).join('\n')
  for (const reason of reasons) assert.match(text, new RegExp(`['\`]${reason}\\b`), reason)
})

test('every reason has a condition and two full sentences', () => {
  for (const [name, { meaning, remedy }] of Object.entries(REASONS)) {
    assert.match(meaning, /^[A-Z].*\.$/, name)
    assert.match(remedy, /^[A-Z].*\.$/, name)
  }
  assert.equal(reasonEntry('Unsupported').condition, 'Programmed')
})

test('every test that the semantics reference names exists, in the file it names', () => {
  const rows = read('docs/reference/smi-semantics.md').matchAll(/^\|.*\|\s*`([^`]+\.test\.ts)`:\s*(.+?)\s*\|$/gm)
  const named = [...rows].flatMap(([, file = '', names = '']) => names.split(' · ').map(name => ({ file, name })))
  assert.ok(named.length > 80, `${named.length}`)
  const files = new Map([...new Set(named.map(({ file }) => file))].map(file => [file, read(file)]))
  const has = (file: string, name: string) => ['test', 'it'].some(it => files.get(file)?.includes(`${it}('${name}'`))
  for (const { file, name } of named) assert.ok(has(file, name), `${file}: ${name}`)
})

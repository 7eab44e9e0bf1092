import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeFolder } from './make-folder.ts'

test('what leads to a folder is made as well, and what is there stays', t => {
  const above = mkdtempSync(join(tmpdir(), 'smi-mesh-'))
  t.after(() => rmSync(above, { recursive: true }))
  const path = join(above, 'a/b/c')
  makeFolder(path, 0o700)
  makeFolder(path, 0o755)
  for (const made of ['a', 'a/b', 'a/b/c']) assert.equal(statSync(join(above, made)).mode & 0o777, 0o700, made)
})

test('where nothing can be made although nothing is there, that is said', () => {
  const asked: string[] = []
  const mkdirSync = (path: unknown): never => {
    asked.push(String(path))
    throw Object.assign(new Error('none'), { code: String(path) === '/proc' ? 'EEXIST' : 'ENOENT' })
  }
  assert.throws(() => makeFolder('/proc/nope/x', 0o700, { mkdirSync }), { code: 'ENOENT' })
  assert.deepEqual(asked, ['/proc/nope/x', '/proc/nope', '/proc', '/proc/nope'])
})

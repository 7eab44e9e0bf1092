import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { ownFolder } from './own-folder.ts'

test('folders of processes that are no more go, and all others stay', t => {
  const parent = mkdtempSync(join(tmpdir(), 'smi-own-'))
  t.after(() => rmSync(parent, { recursive: true }))
  const mine = basename(ownFolder(parent, 'demo', process.pid))
  const gone = spawnSync('true').pid
  const reused = mine.replace(/\d+$/, '1')
  for (const name of [`demo-${gone}-77`, reused, `test-${gone}-77`, 'demo-of-mine', '0a1b2c3d']) {
    mkdirSync(join(parent, name))
    writeFileSync(join(parent, name, 'key.pem'), '')
  }
  const other = basename(ownFolder(parent, 'demo', process.ppid))
  assert.deepEqual(readdirSync(parent).sort(), [mine, other, `test-${gone}-77`, 'demo-of-mine', '0a1b2c3d'].sort())
})

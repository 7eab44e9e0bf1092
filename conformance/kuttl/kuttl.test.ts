import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { kuttl } from './kuttl.ts'

test('a kuttl that is not there has not failed a case: it did not run', async () => {
  await assert.rejects(kuttl([], { cwd: tmpdir(), env: { PATH: '/nowhere' } }), /kubectl-kuttl did not run: ENOENT\./)
})

test('a kuttl that ends badly is told apart from one that ends well, with what it printed', async t => {
  const cwd = mkdtempSync(join(tmpdir(), 'smi-kuttl-'))
  t.after(() => rmSync(cwd, { recursive: true }))
  writeFileSync(join(cwd, 'kubectl-kuttl'), '#!/bin/sh\necho "said $1"\nexit $2\n', { mode: 0o755 })
  const env = { PATH: cwd }
  assert.deepEqual(await kuttl(['this', '1'], { cwd, env }), { isGood: false, printed: 'said this\n' })
  assert.deepEqual(await kuttl(['that', '0'], { cwd, env }), { isGood: true, printed: 'said that\n' })
})

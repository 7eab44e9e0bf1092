import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { findEnvoy } from './envoy-binary.ts'

function withFolder(body: (folder: string, program: (path: string) => string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'smi-envoy-'))
  try {
    body(folder, path => {
      const file = join(folder, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, '')
      chmodSync(file, 0o755)
      return file
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the one the user names is taken, and nothing else where it cannot be run', () => {
  withFolder((folder, program) => {
    const mine = program('mine')
    program('bin/envoy')
    const search = { from: folder, path: join(folder, 'bin') }
    assert.deepEqual(findEnvoy({ ...search, given: mine }), { kind: 'found', path: mine })
    const wrong = findEnvoy({ ...search, given: join(folder, 'nothing') })
    assert.match(wrong.kind === 'missing' ? wrong.message : '', /^ENVOY says .*nothing, which is no program/)
  })
})

test('the one of the checkout goes before that of the system', () => {
  withFolder((folder, program) => {
    const wheel = program('.tools/envoy-venv/lib/python3.11/site-packages/envoy/_bin/envoy')
    const system = program('bin/envoy')
    const path = join(folder, 'bin')
    assert.deepEqual(findEnvoy({ given: undefined, from: join(folder, 'a/b'), path }), { kind: 'found', path: wheel })
    assert.deepEqual(findEnvoy({ given: '', from: '/nowhere', path }), { kind: 'found', path: system })
    const link = program('.tools/envoy-1.40.0')
    assert.deepEqual(findEnvoy({ given: undefined, from: folder, path }), { kind: 'found', path: link })
  })
})

test('without one, it is said what to do', () => {
  const found = findEnvoy({ given: undefined, from: '/nowhere', path: '/nowhere' })
  assert.match(found.kind === 'missing' ? found.message : '', /Run `make setup`.*or set ENVOY/)
})

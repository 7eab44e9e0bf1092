import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { whyFailed } from './install-helm.ts'
import { run } from './run.ts'

const INSTALLATION = resolve(import.meta.dirname, '../..')

/** What a command says to whom, and to the shell, where PATH is one folder. */
async function ran(path: string, ...words: readonly string[]) {
  return await ranUntil(new AbortController().signal, path, ...words)
}

async function ranUntil(ended: AbortSignal, path: string, ...words: readonly string[]) {
  const heard = { said: '', complained: '' }
  const code = await run(words, {
    write: text => {
      heard.said += text
    },
    complain: text => {
      heard.complained += text
    },
    terminal: { isInteractive: false, columns: 120, rows: 40 },
    env: { PATH: path },
    ended,
    installation: INSTALLATION,
    node: process.execPath,
    temporary: tmpdir(),
    pid: process.pid,
    uid: 0,
    version: '0.1.0',
    clock: Date.now,
    now: () => performance.now(),
  })
  return { ...heard, code }
}

/** A Helm that writes down its words and ends as it is told, or goes on with a program. */
async function withHelm(
  status: number | string,
  use: (folder: string, words: () => readonly string[]) => Promise<void>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'smi-helm-'))
  try {
    const lines = [
      '#!/bin/sh',
      `printf '%s\\n' "$@" > '${folder}/words'`,
      'echo rendered',
      'echo trouble >&2',
      typeof status === 'number' ? `exit ${status}` : `exec ${status}`,
    ]
    writeFileSync(join(folder, 'helm'), lines.join('\n'))
    chmodSync(join(folder, 'helm'), 0o755)
    await use(folder, () => readFileSync(join(folder, 'words'), 'utf8').trimEnd().split('\n'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('smictl install', () => {
  it('says in one sentence that it needs Helm', async () => {
    const { complained, code } = await ran('/nowhere', 'install', '--print')
    assert.match(complained, /^Helm is missing: install Helm .* Nothing was changed\.\n$/)
    assert.equal(code, 3)
  })

  it('prints what Helm renders of the chart beside it, with the values and words it is given', async () => {
    await withHelm(0, async (folder, words) => {
      const more = ['--set', 'mesh.access=audit', '-f', 'a.yaml', '-n', 'mesh', '--', '--take-ownership']
      const { said, code } = await ran(folder, 'install', '--print', ...more)
      assert.equal(said, 'rendered\n')
      assert.equal(code, 0)
      assert.deepEqual(words(), [
        ...['template', 'smi-mesh', join(INSTALLATION, '../helm/smi-mesh'), '--namespace', 'mesh'],
        ...['--values', 'a.yaml', '--set', 'mesh.access=audit', '--take-ownership'],
      ])
    })
  })

  it('passes on what Helm complains of', async () => {
    await withHelm(1, async folder => {
      const { complained, code } = await ran(folder, 'install', '--print')
      assert.equal(complained, 'Helm ended with 1: trouble\n')
      assert.equal(code, 3)
    })
  })

  it('sends whoever has a mesh already to the upgrade', () => {
    const complained = 'Error: INSTALLATION FAILED: cannot reuse a name that is still in use'
    assert.match(whyFailed(1, complained), /still in use\nA mesh is installed already: smictl upgrade\.$/)
  })

  it('says that Helm was ended, where it was', async () => {
    await withHelm('/bin/sleep 30', async folder => {
      const ending = new AbortController()
      const watching = watch(folder)
      const started = once(watching, 'change').then(() => ending.abort())
      const { complained, code } = await ranUntil(ending.signal, folder, 'install', '--print')
      await started
      watching.close()
      assert.match(complained, /^Helm was ended before it was done\. /)
      assert.equal(code, 3)
    })
  })

  it('asks no Helm for anything where the cluster cannot be asked', async () => {
    await withHelm(0, async (folder, words) => {
      const { code } = await ran(folder, 'install', '--kubeconfig', '/nowhere')
      assert.equal(code, 2)
      assert.throws(words, /ENOENT/)
    })
  })
})

describe('smictl upgrade', () => {
  it('keeps the values of the installation, and takes new defaults from the new chart', async () => {
    await withHelm(1, async (folder, words) => {
      await ran(folder, 'upgrade', '--set', 'mesh.access=enforce')
      assert.deepEqual(words().slice(0, 3), ['upgrade', '--reset-then-reuse-values', 'smi-mesh'])
      assert.deepEqual(words().slice(-2), ['--set', 'mesh.access=enforce'])
    })
  })
})

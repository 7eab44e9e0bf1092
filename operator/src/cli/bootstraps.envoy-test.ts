import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readPage } from '../../test/markdown.ts'
import { SmictlProcess, until } from '../../test/smictl-process.ts'

const ROOT = join(import.meta.dirname, '../../..')
const ENVOY = process.env['ENVOY'] ?? join(ROOT, '.tools/envoy-1.40.0')
const GUIDE = readPage(readFileSync(join(ROOT, 'docs/guides/standalone.md'), 'utf8'))

test('an Envoy that is started by the guide’s words proves who it is and is served', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-own-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const yaml = GUIDE.fences.find(({ words }) => words.includes('file=web.yaml'))?.text ?? ''
  writeFileSync(join(folder, 'web.yaml'), yaml)
  const state = ['--state-dir', join(folder, 'state'), '--bootstraps', join(folder, 'proxies')]
  const anywhere = ['--xds-address', '127.0.0.1:0', '--admin-address', '127.0.0.1:0']
  const smictl = new SmictlProcess('serve', '--files', join(folder, 'web.yaml'), ...state, ...anywhere)
  t.after(() => smictl.end('SIGTERM'))
  const [, admin = ''] = await smictl.says(/admin=(\S+)/)
  await smictl.says(/^bootstraps=/m)
  const shown = /^envoy -c proxies\/(\S+)$/m.exec(GUIDE.fences.map(({ text }) => text).join('\n'))?.[1] ?? ''
  const bootstrap = join(folder, 'proxies', shown)
  const envoy = spawn(ENVOY, ['-c', bootstrap, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'])
  const ended = once(envoy, 'exit')
  t.after(async () => {
    envoy.kill('SIGKILL')
    await ended
  })
  await until('it holds all there is', async () => {
    assert.equal(envoy.exitCode, null, 'Envoy ended.')
    const proxies: unknown = await (await fetch(`http://${admin}/debug/proxies`)).json()
    return Array.isArray(proxies) && proxies.length === 1 && proxies[0].lagging === false
  })
  assert.ok(existsSync(join(bootstrap, '..', 'admin.sock')))
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SmictlProcess } from '../../test/smictl-process.ts'

const SHOP = join(import.meta.dirname, '../../examples/shop')

async function serving(t: TestContext): Promise<SmictlProcess> {
  const state = mkdtempSync(join(tmpdir(), 'smi-main-'))
  const anywhere = ['--xds-address', '127.0.0.1:0', '--admin-address', '127.0.0.1:0']
  const smictl = new SmictlProcess('serve', '--files', SHOP, '--state-dir', state, ...anywhere)
  t.after(async () => {
    await smictl.end('SIGKILL')
    rmSync(state, { recursive: true, force: true })
  })
  await smictl.says(/^xds=/m)
  return smictl
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  test(`${signal} ends it in good order`, async t => {
    const smictl = await serving(t)
    assert.equal(await smictl.end(signal), 0)
  })
}

// As timeout(1) and a closing terminal send them. Two kinds, because of one kind the system may make one itself.
test('signals that come at once are one wish', async t => {
  const smictl = await serving(t)
  // Held still, so that both wait for it whatever the machine is doing.
  process.kill(smictl.pid, 'SIGSTOP')
  process.kill(smictl.pid, 'SIGINT')
  const ended = smictl.end('SIGTERM')
  process.kill(smictl.pid, 'SIGCONT')
  assert.equal(await ended, 0)
})

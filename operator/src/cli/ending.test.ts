/** How `serve` and `up` end where they cannot begin. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SmictlProcess } from '../../test/smictl-process.ts'

const SHOP = join(import.meta.dirname, '../../examples/shop')

function started(t: TestContext, ...words: readonly string[]): { smictl: SmictlProcess; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'smi-ending-'))
  const smictl = new SmictlProcess(
    ...words.map(word => word.replace('FOLDER', folder)),
    '--state-dir',
    join(folder, 'state'),
  )
  t.after(async () => {
    await smictl.end('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  return { smictl, folder }
}

test('an address that is in use ends it with a status and a sentence of its own', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const bound = other.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  const { smictl } = started(
    t,
    'serve',
    '--files',
    SHOP,
    '--admin-address',
    '127.0.0.1:0',
    '--xds-address',
    `127.0.0.1:${port}`,
  )
  assert.equal(await smictl.over(), 3)
  assert.match(smictl.said, new RegExp(`Something else listens on 127\\.0\\.0\\.1:${port}\\. .* --xds-address\\.`))
})

test('an address of another machine ends it likewise', async t => {
  const { smictl } = started(t, 'serve', '--files', SHOP, '--xds-address', '192.0.2.1:4000')
  assert.equal(await smictl.over(), 3)
  assert.match(smictl.said, /192\.0\.2\.1:4000 cannot be listened on \(EADDRNOTAVAIL\)/)
})

test('told to end while it waits for a folder, it ends in good order', async t => {
  const anywhere = ['--admin-address', '127.0.0.1:0', '--xds-address', '127.0.0.1:0']
  const { smictl } = started(t, 'serve', '--files', 'FOLDER/later', ...anywhere)
  await smictl.says(/does not exist\. Create it/)
  assert.equal(await smictl.end('SIGTERM'), 0)
})

test('a folder to run that does not exist is an error at once', async t => {
  const { smictl } = started(t, 'up', 'FOLDER/nothing')
  assert.equal(await smictl.over(), 3)
  assert.match(smictl.said, /nothing does not exist\. Name a folder of YAML files\./)
})

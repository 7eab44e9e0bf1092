import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { askAdmin } from './admin.ts'

test('a proxy that does not answer in time is told from none', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-admin-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const socket = join(folder, 'admin.sock')
  assert.equal(await askAdmin(socket, '/ready'), undefined)
  const server = createServer((request, response) => {
    if (request.url === '/ready') response.end('LIVE')
  })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(socket), 'listening')
  assert.deepEqual(await askAdmin(socket, '/ready'), { status: 200, body: 'LIVE' })
  assert.deepEqual(await askAdmin(socket, '/stats'), { status: 504, body: '' })
})

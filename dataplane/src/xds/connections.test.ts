import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Connections } from './connections.ts'

async function listening(t: TestContext, most: number, address = '127.0.0.1:0') {
  const taken: Socket[] = []
  const crowded: string[] = []
  const connections = new Connections({
    most,
    taken: socket => {
      taken.push(socket)
      socket.on('error', () => undefined)
      socket.write('welcome')
    },
    crowded: from => crowded.push(from),
  })
  const port = await connections.listen(address)
  t.after(() => {
    const closed = connections.close()
    connections.destroy()
    return closed
  })
  return { port, taken, crowded, connections }
}

/** A connection from an address, and whether it got a place. */
async function caller(port: number, from: string): Promise<{ readonly socket: Socket; readonly welcome: boolean }> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from })
  socket.on('error', () => undefined)
  const welcome = await Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)])
  return { socket, welcome }
}

test('who takes all places gives up the first one to somebody else', async t => {
  const { port, crowded } = await listening(t, 2)
  const first = await caller(port, '127.0.0.2')
  const second = await caller(port, '127.0.0.2')
  assert.deepEqual([first.welcome, second.welcome], [true, true])
  assert.equal((await caller(port, '127.0.0.2')).welcome, false)
  const ended = once(first.socket, 'close')
  assert.equal((await caller(port, '127.0.0.3')).welcome, true)
  await ended
  assert.equal(second.socket.closed, false)
  assert.deepEqual(crowded, ['127.0.0.2', '127.0.0.2'], 'who lost one is told, not who came')
})

test('a place is free again once its connection has ended', async t => {
  const { port, taken, crowded } = await listening(t, 1)
  const { socket } = await caller(port, '127.0.0.2')
  const [held] = taken
  assert.ok(held)
  const gone = once(held, 'close')
  socket.destroy()
  await gone
  assert.equal((await caller(port, '127.0.0.2')).welcome, true)
  assert.deepEqual(crowded, [])
})

test('listens on a path, and on all addresses', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-connections-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'xds.sock')
  assert.equal((await listening(t, 1, `unix:${path}`)).port, 0)
  const [said] = await once(connect({ path }), 'data')
  assert.equal(String(said), 'welcome')
  for (const anywhere of ['[::]:0', 'localhost:0']) {
    const { port } = await listening(t, 1, anywhere)
    assert.equal((await caller(port, '127.0.0.1')).welcome, true)
  }
})

test('an address that is taken, or none at all, is an error', async t => {
  const { port } = await listening(t, 1)
  await assert.rejects(listening(t, 1, `127.0.0.1:${port}`), { code: 'EADDRINUSE' })
  await assert.rejects(listening(t, 1, 'everywhere'), TypeError)
})

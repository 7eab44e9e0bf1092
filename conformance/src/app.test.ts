import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

const APP = join(import.meta.dirname, '../app/app.ts')

/** Ports that nobody has, for a moment. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map(server => server.close() && once(server, 'close')))
  return ports
}

async function listening(port: number): Promise<void> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const up = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (up) return
    if (performance.now() > deadline) throw new Error(`Nobody listens at ${port}.`)
  }
}

describe('the application of test pods', () => {
  let process_: ChildProcess | undefined
  let ports: readonly number[] = []

  before(async () => {
    ports = await freePorts(3)
    const [http, bytes, control] = ports.map(String)
    const env = { SERVICE_NAME: 'app-a', HTTP_PORTS: http, BYTE_PORTS: bytes, CONTROL_PORT: control }
    process_ = spawn(process.execPath, [APP], { env, stdio: 'inherit' })
    await Promise.all(ports.map(listening))
  })
  after(() => process_?.kill())

  async function ask(question: object): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${ports[2]}`, { method: 'POST', body: JSON.stringify(question) })
    return await response.json()
  }

  test('whoever is in the pod can have it make calls', async () => {
    const question = JSON.stringify({ kind: 'tcp', host: '127.0.0.1', port: ports[1], times: 2 })
    const env = { CONTROL_PORT: `${ports[2]}` }
    const { stdout } = await promisify(execFile)(process.execPath, [APP, 'ask', question], { env })
    assert.deepEqual(JSON.parse(stdout), { outcomes: { [`answered app-a ${ports[1]}`]: 2 }, connections: 1 })
  })

  test('calls that are asked for are made, counted, and name who answered', async () => {
    const [http = 0, bytes = 0] = ports
    const host = '127.0.0.1'
    const kept = await ask({ kind: 'http', host, port: http, method: 'DELETE', path: '/x', times: 5, keep: 'a' })
    assert.deepEqual(kept, { outcomes: { [`answered app-a ${http}`]: 5 }, connections: 1 })
    const fresh = await ask({ kind: 'http', host, port: http, times: 3 })
    assert.deepEqual(fresh, { outcomes: { [`answered app-a ${http}`]: 3 }, connections: 3 })
    const grpc = await ask({ kind: 'grpc', host, port: http, path: '/a.B/C', times: 1 })
    assert.deepEqual(grpc, { outcomes: { [`answered app-a ${http}`]: 1 }, connections: 1 })
    const tcp = await ask({ kind: 'tcp', host, port: bytes, times: 1 })
    assert.deepEqual(tcp, { outcomes: { [`answered app-a ${bytes}`]: 1 }, connections: 1 })
    const udp = await ask({ kind: 'udp', host, port: bytes, times: 1 })
    assert.deepEqual(udp, { outcomes: { [`answered app-a ${bytes}`]: 1 }, connections: 1 })
    assert.deepEqual(await ask({ kind: 'tcp', host, port: 1, times: 1 }), { outcomes: { closed: 1 }, connections: 1 })
  })

  test('it answers as the application of the public suite', async () => {
    const base = `http://127.0.0.1:${ports[0]}`
    const call = (path: string) => {
      const body = JSON.stringify({ url: `${base}${path}`, method: 'GET', body: '', headers: {} })
      return fetch(`${base}/call`, { method: 'POST', body })
    }
    assert.equal((await fetch(`${base}/metrics`, { method: 'DELETE' })).status, 200)
    assert.match(await (await call('/echo')).text(), /^GET \/echo HTTP\/1\.1\r\n/)
    const unreachable = JSON.stringify({ url: 'http://127.0.0.1:1/', method: 'GET', body: '', headers: null })
    assert.equal((await fetch(`${base}/call`, { method: 'POST', body: unreachable })).status, 500)
    const recorded = await (await fetch(`${base}/metrics`)).json()
    assert.deepEqual(recorded, {
      ReqReceived: ['Unidentified', 'app-a', 'Unidentified'],
      RespSucceeded: [{ URL: `${base}/echo`, Method: 'GET', Headers: {} }],
      RespFailed: [],
    })
  })
})

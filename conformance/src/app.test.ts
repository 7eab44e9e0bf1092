import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'

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
    ports = await freePorts(2)
    const [http, bytes] = ports.map(String)
    const env = { SERVICE_NAME: 'app-a', HTTP_PORTS: http, BYTE_PORTS: bytes }
    process_ = spawn(process.execPath, [APP], { env, stdio: 'inherit' })
    await Promise.all(ports.map(listening))
  })
  after(() => process_?.kill())

  /** Answers to questions that one process is asked in turn. */
  async function ask(...questions: readonly object[]): Promise<readonly unknown[]> {
    const asked = spawn(process.execPath, [APP, 'ask'], { stdio: ['pipe', 'pipe', 'inherit'] })
    asked.stdin.end(questions.map(question => `${JSON.stringify(question)}\n`).join(''))
    const answers: unknown[] = []
    for await (const line of createInterface({ input: asked.stdout })) answers.push(JSON.parse(line))
    return answers
  }

  test('calls that are asked for are made, counted, and name who answered', async () => {
    const [http = 0, bytes = 0] = ports
    const host = '127.0.0.1'
    const kept = { kind: 'http', host, port: http, method: 'DELETE', path: '/x', times: 5, keep: 'a' }
    const answers = await ask(
      kept,
      { ...kept, times: 2 },
      { kind: 'http', host, port: http, times: 30 },
      { kind: 'grpc', host, port: http, path: '/a.B/C', times: 1 },
      { kind: 'tcp', host, port: bytes, times: 2 },
      { kind: 'udp', host, port: bytes, times: 1 },
      { kind: 'tcp', host, port: 1, times: 1 },
      { kind: 'http', host: 'nobody.invalid', port: http, times: 1_000 },
    )
    assert.deepEqual(answers.slice(0, -1), [
      { outcomes: { [`answered app-a ${http}`]: 5 }, connections: 1 },
      { outcomes: { [`answered app-a ${http}`]: 2 }, connections: 1 },
      { outcomes: { [`answered app-a ${http}`]: 30 }, connections: 30 },
      { outcomes: { [`answered app-a ${http}`]: 1 }, connections: 1 },
      { outcomes: { [`answered app-a ${bytes}`]: 2 }, connections: 1 },
      { outcomes: { [`answered app-a ${bytes}`]: 1 }, connections: 1 },
      { outcomes: { closed: 1 }, connections: 1 },
    ])
    // what is unexpected is not asked for ever
    assert.match(JSON.stringify(answers.at(-1)), /"unexpected getaddrinfo E[^"]*":\d\d?\}/)
  })

  test('a name that is not found is not taken for a denial', async () => {
    const [, port = 0] = ports
    const answers = await ask(...['tcp', 'udp'].map(kind => ({ kind, host: 'nobody.invalid', port, times: 1 })))
    for (const answer of answers) assert.match(JSON.stringify(answer), /"unexpected getaddrinfo E/)
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

/**
 * A caller that does not let go: `node steady.ts '<calls as JSON>'` makes each call again and again and writes a line for each
 * outcome, `<call> <when> <outcome> <connection>`, until its input ends. One file without dependencies, as it runs in pods.
 */
import { Agent, get } from 'node:http'
import { connect, type Socket } from 'node:net'

interface Call {
  readonly name: string
  /** `http://host:port/path`; or `tcp://host:port`, where the server speaks first and then says what it hears. */
  readonly url: string
  readonly everyMs: number
  /** All calls on one connection, as long as it lasts. */
  readonly keep: boolean
}

const PATIENCE_MS = 5_000

function told(name: string, outcome: string, connection: string): void {
  process.stdout.write(`${name} ${Date.now()} ${outcome.replaceAll(' ', '-')} ${connection || '-'}\n`)
}

/** `200:web-v1`, `403`, `error:ECONNRESET`. */
function http(url: string, agent: Agent | false): Promise<readonly [outcome: string, connection: string]> {
  const { promise, resolve } = Promise.withResolvers<readonly [string, string]>()
  const asked = get(url, { agent, timeout: PATIENCE_MS }, response => {
    const pod = response.headers['x-echo-pod']
    const connection = `${response.socket.localPort}`
    response.resume()
    response.on('end', () => resolve([`${response.statusCode}${pod === undefined ? '' : `:${pod}`}`, connection]))
    response.on('error', error => resolve([`error:${error.message}`, connection]))
  })
  asked.on('timeout', () => asked.destroy(new Error('silence')))
  asked.on('error', error => resolve([`error:${'code' in error ? error.code : error.message}`, '']))
  return promise
}

/** A connection to a server that speaks first; `heard` is told of every chunk. */
function opened(url: string, heard: (socket: Socket) => void, ended: (socket: Socket) => void): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('data', () => heard(socket))
  socket.on('error', () => socket.destroy())
  socket.on('close', () => ended(socket))
  return socket
}

function bytesOnce(url: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = opened(
    url,
    one => {
      resolve('spoke')
      one.destroy()
    },
    () => resolve('closed'),
  )
  socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  return promise
}

/** Says something at every tick, and tells of what comes back; of the end once. */
function bytesKept({ name, url, everyMs }: Call): void {
  const socket = opened(
    url,
    one => told(name, 'spoke', `${one.localPort}`),
    () => {
      clearInterval(timer)
      told(name, 'closed', '')
    },
  )
  const timer = setInterval(() => socket.write('.'), everyMs)
}

async function again({ name, url, everyMs, keep }: Call): Promise<never> {
  const agent = keep && new Agent({ keepAlive: true, maxSockets: 1 })
  for (;;) {
    const began = performance.now()
    const [outcome, connection] = url.startsWith('tcp:') ? [await bytesOnce(url), ''] : await http(url, agent)
    told(name, outcome, connection)
    await new Promise(resolve => setTimeout(resolve, Math.max(0, began + everyMs - performance.now())))
  }
}

const calls: readonly Call[] = JSON.parse(process.argv[2] ?? '[]')
for (const call of calls) {
  if (call.keep && call.url.startsWith('tcp:')) bytesKept(call)
  else void again(call)
}
process.stdin.resume().on('close', () => process.exit(0))

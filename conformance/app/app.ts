/**
 * The application of every test pod, in one file without dependencies, so that it runs in any image with Node 24:
 * `node app.ts` serves; `node app.ts ask`, run in the same pod, makes the calls that lines of its input ask for, as JSON, and
 * answers each with a line.
 *
 * Environment: SERVICE_NAME (what it calls itself), HTTP_PORTS, BYTE_PORTS.
 */
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { Agent, createServer as createHttpServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { connect, createServer, type LookupFunction, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

const { SERVICE_NAME = 'Default', HTTP_PORTS = '9091', BYTE_PORTS = '' } = process.env
const PATIENCE_MS = 5_000
/** Calls made at the same time, where nothing is said of connections. */
const AT_ONCE = 8
/** What is unexpected is never right, and may take its time: after so many the rest of a question is not asked. */
const ENOUGH_UNEXPECTED = 8

/** What the harness of the public suite reads at /metrics; the names are the public application's. */
interface Recorded {
  ReqReceived: string[]
  RespSucceeded: unknown[]
  RespFailed: unknown[]
}

let recorded: Recorded = { ReqReceived: [], RespSucceeded: [], RespFailed: [] }

function serve(message: IncomingMessage, response: ServerResponse, port: number): void {
  response.setHeader('x-app', SERVICE_NAME)
  response.setHeader('x-app-port', port)
  const path = message.url?.split('?')[0]?.replace(/\/$/, '')
  const answer = (status: number, body: string) => response.writeHead(status).end(body)
  const caller = message.headers['servicename']
  if (path !== '/metrics') recorded.ReqReceived.push(typeof caller === 'string' ? caller : 'Unidentified')
  if (path === '/metrics' && message.method === 'GET') return void answer(200, JSON.stringify(recorded))
  if (path === '/metrics' && message.method === 'DELETE') {
    recorded = { ReqReceived: [], RespSucceeded: [], RespFailed: [] }
    return void answer(200, '')
  }
  if (path === '/metrics') return void answer(400, '')
  if (path === '/call' && message.method === 'POST') {
    return void text(message)
      .then(body => passOn(JSON.parse(body)))
      .then(
        ({ status, body }) => answer(status, body),
        (error: unknown) => answer(500, error instanceof Error ? error.message : String(error)),
      )
  }
  const head = message.rawHeaders.map((item, at) => (at % 2 === 0 ? `\r\n${item}: ` : item)).join('')
  const begin = `${message.method} ${message.url} HTTP/${message.httpVersion}${head}\r\n\r\n`
  text(message).then(
    body => answer(200, begin + body),
    () => response.destroy(),
  )
}

/** POST /call: makes the request of its body. An answer is recorded as succeeded or failed; none is recorded at all. */
async function passOn(asked: { url: string; method: string; body: string; headers?: Record<string, unknown> | null }) {
  const { url, method, body } = asked
  const headers = Object.entries(asked.headers ?? {}).map(([name, value]) => [name, String(value)] as const)
  const { status, said } = await http({
    url: new URL(url),
    options: { method, headers: { ...Object.fromEntries(headers), ServiceName: SERVICE_NAME } },
    body,
  })
  const list = status < 400 ? recorded.RespSucceeded : recorded.RespFailed
  list.push({ URL: url, Method: method, Headers: Object.fromEntries(headers) })
  return { status: 200, body: said }
}

interface HttpAsk {
  readonly url: URL
  readonly options: {
    method: string
    headers: Record<string, string>
    agent?: Agent | boolean
    path?: string
    lookup?: LookupFunction
  }
  readonly body: string
}

function http({ url, options, body }: HttpAsk) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number
    said: string
    app: string
    port: string
    connection: string
  }>()
  // A name that ends in a dot is found as it is, and a server is told the name as its caller wrote it.
  const asked = request(url, { ...options, timeout: PATIENCE_MS }, response => {
    const { localAddress, localPort } = response.socket
    const { 'x-app': app = '', 'x-app-port': port = '' } = response.headers
    text(response).then(said => {
      const connection = `${localAddress}:${localPort}`
      resolve({ status: response.statusCode ?? 0, said, app: String(app), port: String(port), connection })
    }, reject)
  })
  asked.on('timeout', () => asked.destroy(new Error('silence')))
  asked.on('error', reject)
  asked.end(body)
  return promise
}

/** Calls as the driver wants them. */
interface Ask {
  readonly kind: 'http' | 'grpc' | 'tcp' | 'udp'
  readonly host: string
  readonly port: number
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly times: number
  /** Calls of the same name use one connection, as long as it lasts. */
  readonly keep?: string
}

const agents = new Map<string, Agent>()

/** Outcomes by their text, how often each was seen, and the connections it took. */
async function ask(asked: Ask) {
  if (asked.keep !== undefined && !agents.has(asked.keep)) {
    agents.set(asked.keep, new Agent({ keepAlive: true, maxSockets: 1 }))
  }
  const outcomes: Record<string, number> = {}
  const connections = new Set<string>()
  const where = lookedUp(asked.host)
  let left = asked.times
  let unexpected = 0
  const worker = async () => {
    while (left-- > 0 && unexpected < ENOUGH_UNEXPECTED) {
      const { outcome, connection } = await one(asked, where).catch((error: unknown) => ({
        outcome: `unexpected ${error instanceof Error ? error.message : error}`,
        connection: '',
      }))
      if (outcome.startsWith('unexpected')) unexpected++
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      connections.add(connection)
    }
  }
  await Promise.all(Array.from({ length: asked.keep === undefined ? AT_ONCE : 1 }, worker))
  return { outcomes, connections: connections.size }
}

/** A name is looked up once for all calls of a question: a resolver asks a server up to eight times. */
function lookedUp(host: string): LookupFunction {
  const found = lookup(host)
  found.catch(() => undefined) // told to whoever asks
  return (_host, { all = false }, done) => {
    found.then(
      one => (all ? done(null, [one]) : done(null, one.address, one.family)),
      (error: NodeJS.ErrnoException) => done(error, ''),
    )
  }
}

async function one(asked: Ask, where: LookupFunction) {
  const { kind, host, port, method = 'GET', path = '/', headers = {}, keep } = asked
  switch (kind) {
    case 'http': {
      const agent = keep === undefined ? false : agents.get(keep)
      const url = new URL(`http://${host}:${port}`)
      const options = { method, path, headers, lookup: where, ...(agent === undefined ? {} : { agent }) }
      const { status, app, port: at, connection } = await http({ url, options, body: '' })
      return { outcome: app === '' ? `status ${status}` : `answered ${app} ${at}`, connection }
    }
    case 'grpc':
      return { outcome: await grpc({ host, port, where }, path), connection: '' }
    case 'tcp':
      return { outcome: await bytes({ host, port, where }), connection: '' }
    case 'udp':
      return { outcome: await datagram(host, port), connection: '' }
  }
}

interface Target {
  readonly host: string
  readonly port: number
  readonly where: LookupFunction
}

function grpc({ host, port, where }: Target, path: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const session = connectHttp2(`http://${host}:${port}`, {
    createConnection: () => connect({ host, port, lookup: where }),
  })
  const done = (outcome: string) => {
    resolve(outcome)
    session.destroy()
  }
  session.setTimeout(PATIENCE_MS, () => done('unexpected silence'))
  session.on('error', error => done(`unexpected ${error.message}`))
  session.on('close', () => done('closed'))
  const call = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
  const stream = session.request(call, { endStream: true })
  stream.on('error', error => done(`unexpected ${error.message}`))
  stream.on('response', headers => {
    if (headers['x-app'] !== undefined) return done(`answered ${headers['x-app']} ${headers['x-app-port']}`)
    const status = { '7': 403, '14': 503 }[String(headers['grpc-status'])] ?? headers[':status']
    done(`status ${status}`)
  })
  return promise
}

/** The server speaks first: a line with its name. */
function bytes({ host, port, where }: Target): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ host, port, lookup: where })
  let heard = ''
  socket.setTimeout(PATIENCE_MS, () => resolve('unexpected silence'))
  socket.on('data', chunk => {
    heard += chunk.toString()
    if (heard.includes('\n')) resolve(`answered ${heard.split('\n')[0]} ${port}`)
  })
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(heard === '' ? refusal(error) : 'unexpected end'))
  socket.on('close', () => resolve(heard === '' ? 'closed' : 'unexpected end'))
  return promise.finally(() => socket.destroy())
}

/** A name that is not found was refused by nobody. */
function refusal({ syscall, message }: NodeJS.ErrnoException): string {
  return syscall === 'getaddrinfo' ? `unexpected ${message}` : 'closed'
}

function datagram(host: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = createSocket('udp4')
  const timer = setTimeout(() => resolve('closed'), PATIENCE_MS)
  socket.on('message', message => resolve(`answered ${message.toString()} ${port}`))
  socket.on('error', error => resolve(refusal(error)))
  socket.send('anybody?', port, host)
  return promise.finally(() => {
    clearTimeout(timer)
    socket.close()
  })
}

const PREFACE = 'PRI * HTTP/2.0'

/** HTTP/1.1 and HTTP/2 without TLS on one port, told apart by the first bytes. */
function listenHttp(port: number): void {
  const handler = (message: IncomingMessage, response: ServerResponse) => serve(message, response, port)
  const http1 = createHttpServer(handler)
  const http2 = createHttp2Server()
  http2.on('stream', stream => {
    stream.respond({
      ':status': 200,
      'content-type': 'application/grpc',
      'x-app': SERVICE_NAME,
      'x-app-port': `${port}`,
    })
    stream.end()
  })
  http2.listen(0, '127.0.0.1')
  listen(port, socket => {
    socket.once('data', (first: Buffer) => {
      if (!PREFACE.startsWith(first.toString('latin1', 0, PREFACE.length))) {
        socket.pause()
        socket.unshift(first)
        http1.emit('connection', socket)
        return socket.resume()
      }
      const inner = connect(portOf(http2), '127.0.0.1')
      inner.on('error', () => socket.destroy())
      socket.on('close', () => inner.destroy())
      inner.write(first)
      return socket.pipe(inner).pipe(socket)
    })
  })
}

function portOf(server: { address(): ReturnType<Server['address']> }): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function listen(port: number, serveSocket: (socket: Socket) => void): void {
  const server = createServer({ noDelay: true }, socket => {
    socket.on('error', () => socket.destroy()) // the other side went away
    serveSocket(socket)
  })
  server.listen(port, '::')
}

function listenBytes(port: number): void {
  listen(port, socket => {
    socket.write(`${SERVICE_NAME}\n`)
    socket.pipe(socket)
  })
  const datagrams = createSocket('udp4')
  datagrams.on('message', (_message, { address, port: from }) => datagrams.send(SERVICE_NAME, from, address))
  datagrams.bind(port)
}

const numbers = (written: string) => written.split(',').filter(Boolean).map(Number)

/** One question after the other; ends with its input. */
async function answerLines(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await ask(JSON.parse(line))))
  }
  process.exit(0) // connections that are kept would keep it
}

if (process.argv[2] === 'ask') await answerLines()
else {
  for (const port of numbers(HTTP_PORTS)) listenHttp(port)
  for (const port of numbers(BYTE_PORTS)) listenBytes(port)
  process.once('SIGTERM', () => process.exit(0)) // the first process of a container ends by nothing else
}

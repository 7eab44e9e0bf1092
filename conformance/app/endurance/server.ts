/**
 * A server as well-behaved ones are: told to end, it takes no new connection, lets requests finish, asks its streams to leave
 * (and answers whatever still comes on them), and ends when nobody is left. It waits for no one to hear of it: that a pod goes
 * is for the mesh to know.
 *
 * HTTP/1.1 and WebSocket on 8080, gRPC (`Say`: one message, `Talk`: a stream) on 8081. Every message is answered by itself.
 */
import { createHash } from 'node:crypto'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { grpcMessage, grpcReader, OPCODE, socketFrame, socketReader } from './frames.ts'

/** What a stream is told when its server ends: answers to what is under way still come, and then it is to be closed. */
const LEAVE = 'leave'
const PATIENCE_MS = 20_000

/** Streams of either kind, each with its way to be told. */
const talks = new Set<() => void>()
let leaving = false

/** As long as a request of a real application may take, so that there always is one under way. */
const work = () => new Promise(resolve => setTimeout(resolve, 5 + Math.random() * 35))

const http = createHttpServer((message, response) => {
  if (message.method !== 'POST') return void response.end('ready\n')
  text(message)
    .then(async body => {
      await work()
      if (leaving) response.setHeader('connection', 'close')
      response.end(body)
    })
    .catch(() => response.destroy())
})
http.on('upgrade', (message: IncomingMessage, socket: Duplex) => upgrade(message, socket))
http.listen(8080, '0.0.0.0')

/** RFC 6455, 4.2.2. */
function upgrade({ headers }: IncomingMessage, socket: Duplex): void {
  const accept = createHash('sha1')
    .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
  socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`)
  const tell = () => socket.write(socketFrame(OPCODE.text, Buffer.from(LEAVE)))
  talks.add(tell)
  if (leaving) tell()
  const read = socketReader((opcode, body) => {
    if (opcode === OPCODE.text) socket.write(socketFrame(OPCODE.text, body))
    if (opcode === OPCODE.ping) socket.write(socketFrame(OPCODE.pong, body))
    if (opcode === OPCODE.close) socket.end(socketFrame(OPCODE.close, body))
  })
  socket.on('data', read)
  socket.on('error', () => socket.destroy()) // the other side went away
  socket.on('close', () => talks.delete(tell))
}

const sessions = new Set<ServerHttp2Session>()
const grpc = createHttp2Server()
grpc.on('session', session => {
  sessions.add(session)
  session.on('close', () => sessions.delete(session))
})
grpc.on('stream', (stream, headers) => {
  stream.on('error', () => stream.destroy()) // the other side went away
  if (headers[':path'] === '/endurance.Echo/Talk') talk(stream)
  else say(stream)
})
grpc.listen(8081, '0.0.0.0')

function begin(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
}

function say(stream: ServerHttp2Stream): void {
  stream.on(
    'data',
    grpcReader(message => {
      void work().then(() => {
        if (stream.destroyed) return
        begin(stream)
        stream.end(grpcMessage(message))
      })
    }),
  )
}

function talk(stream: ServerHttp2Stream): void {
  begin(stream)
  const tell = () => stream.write(grpcMessage(LEAVE))
  talks.add(tell)
  if (leaving) tell()
  stream.on(
    'data',
    grpcReader(message => stream.write(grpcMessage(message))),
  )
  stream.on('end', () => stream.end())
  stream.on('close', () => talks.delete(tell))
}

function end(): void {
  leaving = true
  for (const tell of talks) tell()
  for (const session of sessions) session.close() // GOAWAY, and on until its streams have ended
  const ended = (server: typeof http | typeof grpc) => new Promise(resolve => server.close(resolve))
  void Promise.all([ended(http), ended(grpc)]).then(() => process.exit(0))
  setTimeout(() => {
    console.error(`${talks.size} streams have not left.`)
    process.exit(1)
  }, PATIENCE_MS)
}

process.once('SIGTERM', end)

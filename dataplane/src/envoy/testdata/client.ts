/** Clients and servers for traffic tests, each on a loopback address of its own. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http'
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type IncomingHttpHeaders as Http2Headers,
  type Http2Server,
} from 'node:http2'
import { connect, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'

export interface Place {
  readonly host: string
  readonly port: number
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  /** A list is sent in as many lines. */
  readonly headers?: Readonly<Record<string, string | string[]>>
}

export async function ask(place: Place, { path = '/', ...options }: Ask = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const call = request({ ...place, ...options, path, agent: false, timeout: 10_000 }, response => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }),
    )
    response.on('error', reject)
  })
  call.on('timeout', () => call.destroy(new Error('No answer within 10 s.')))
  call.on('error', reject)
  call.end()
  return await promise
}

/** Says its name, and what it was asked, in JSON. Upgrades to an echo of bytes. */
export async function httpApplication(name: string, place: Place): Promise<Server> {
  const server = createServer((req, res) => {
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify({ name, method: req.method, path: req.url, headers: req.headers }))
  })
  server.on('upgrade', (_req, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    socket.pipe(socket)
    socket.on('error', () => socket.destroy())
  })
  server.listen(place.port, place.host)
  await once(server, 'listening')
  return server
}

/** An upgrade by HTTP/1.1; resolves with what came back for `text`, or with the status of the refusal. */
export async function echoOverUpgrade(place: Place, text: string): Promise<string | number> {
  const { promise, resolve, reject } = Promise.withResolvers<string | number>()
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'a',
  }
  const call = request({ ...place, path: '/socket', headers, agent: false, timeout: 10_000 })
  call.on('upgrade', (_response, socket: Socket) => {
    socket.on('data', data => {
      resolve(data.toString())
      socket.destroy()
    })
    socket.on('error', reject)
    socket.write(text)
  })
  call.on('response', response => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
  call.on('timeout', () => call.destroy(new Error('No upgrade within 10 s.')))
  call.on('error', reject)
  call.end()
  return await promise
}

/** Speaks before it is spoken to, then repeats what it hears. */
export async function greeter(place: Place, greeting: string, called: () => void): Promise<TcpServer> {
  const server = createTcpServer(socket => {
    called()
    socket.write(greeting)
    socket.pipe(socket)
    socket.on('error', () => socket.destroy())
  })
  server.listen(place.port, place.host)
  await once(server, 'listening')
  return server
}

/** What a server says by itself; undefined where it closes without a word. */
export async function greetingOf(place: Place): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const socket = connect(place.port, place.host)
  socket.setTimeout(10_000, () => socket.destroy())
  socket.on('data', data => {
    resolve(data.toString())
    socket.destroy()
  })
  socket.on('error', () => {})
  socket.on('close', () => resolve(undefined))
  return await promise
}

/** Answers in the manner of gRPC: status in the trailers. */
export async function http2Application(place: Place): Promise<Http2Server> {
  const server = createHttp2Server()
  server.on('stream', stream => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }))
    stream.end('reply')
  })
  server.listen(place.port, place.host)
  await once(server, 'listening')
  return server
}

export interface GrpcAnswer {
  readonly status: number
  readonly body: string
  readonly trailers: Http2Headers
}

export async function askHttp2(place: Place, path: string): Promise<GrpcAnswer> {
  const session = connectHttp2(`http://${place.host}:${place.port}`)
  const { promise, resolve, reject } = Promise.withResolvers<GrpcAnswer>()
  session.on('error', reject)
  const stream = session.request({
    ':path': path,
    ':method': 'POST',
    te: 'trailers',
    'content-type': 'application/grpc',
  })
  const answer = { status: 0, body: '', trailers: {} as Http2Headers }
  stream.on('response', headers => Object.assign(answer, { status: Number(headers[':status']) }))
  stream.on('trailers', trailers => Object.assign(answer, { trailers }))
  stream.on('data', (chunk: Buffer) => Object.assign(answer, { body: answer.body + chunk.toString() }))
  stream.on('end', () => resolve(answer))
  stream.on('error', reject)
  stream.setTimeout(10_000, () => stream.close())
  stream.end('ask')
  try {
    return await promise
  } finally {
    session.close()
  }
}

/**
 * The application behind every pod: says which pod answered and what it saw. Speaks HTTP/1.1 and HTTP/2 without TLS on the
 * same port, told apart by the first bytes, and on ports of bytes it speaks first.
 */
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface EchoOptions {
  /** What it calls itself. */
  readonly name: string
  readonly address: string
  readonly httpPorts: readonly number[]
  readonly bytePorts: readonly number[]
}

export interface Echo {
  stop(): Promise<void>
}

/** The header that names who answered, and those that repeat the request as the application saw it. */
export const ECHO = {
  pod: 'x-echo-pod',
  path: 'x-echo-path',
  host: 'x-echo-host',
  protocol: 'x-echo-protocol',
  port: 'x-echo-port',
} as const

/** Resolves once every port is listened on. */
export async function startEcho({ name, address, httpPorts, bytePorts }: EchoOptions): Promise<Echo> {
  const open = new Set<Socket>()
  const http = await Promise.all(httpPorts.map(async port => ({ port, ...(await httpListeners(name, port)) })))
  const servers = await Promise.all([
    ...http.map(one => listen(address, one.port, socket => sniff(socket, one), open)),
    ...bytePorts.map(port => listen(address, port, socket => speakFirst(socket, name), open)),
  ])
  return {
    stop: async () => {
      for (const socket of open) socket.destroy()
      await Promise.all(
        [...servers, ...http.map(one => one.http2)].map(server => server.close() && once(server, 'close')),
      )
    },
  }
}

async function listen(
  address: string,
  port: number,
  serve: (socket: Socket) => void,
  open: Set<Socket>,
): Promise<Server> {
  const server = createServer({ noDelay: true }, socket => {
    open.add(socket)
    socket.on('error', () => socket.destroy()) // the other side went away
    socket.on('close', () => open.delete(socket))
    serve(socket)
  })
  server.listen(port, address)
  await once(server, 'listening')
  return server
}

/** A line at once, then whatever comes goes back. */
function speakFirst(socket: Socket, name: string): void {
  socket.write(`${name}\n`)
  socket.pipe(socket)
}

interface HttpListeners {
  readonly http1: Server
  /** Listens at a port of its own: it reads from the system, past whatever has been read of a connection already. */
  readonly http2: Server
}

async function httpListeners(name: string, port: number): Promise<HttpListeners> {
  const saw = ({ url = '', headers, httpVersion }: Pick<IncomingMessage, 'url' | 'headers' | 'httpVersion'>) => ({
    [ECHO.pod]: name,
    [ECHO.path]: encodeURI(url),
    [ECHO.host]: String(headers.host ?? headers[':authority'] ?? ''),
    [ECHO.protocol]: httpVersion,
    [ECHO.port]: `${port}`,
  })
  const http2 = createHttp2Server((request, response) => {
    response.writeHead(200, saw(request))
    response.end()
  })
  http2.listen(0, '127.0.0.1')
  await once(http2, 'listening')
  return { http1: createHttpServer((request, response) => response.writeHead(200, saw(request)).end()), http2 }
}

const PREFACE = 'PRI * HTTP/2.0'

/** Hands a connection to whoever speaks what its first bytes say. */
function sniff(socket: Socket, { http1, http2 }: HttpListeners): void {
  socket.once('data', (first: Buffer) => {
    if (first.toString('latin1', 0, PREFACE.length) === PREFACE.slice(0, first.length)) {
      const address = http2.address()
      const inner = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
      inner.on('error', () => socket.destroy())
      inner.on('close', () => socket.destroy())
      socket.on('close', () => inner.destroy())
      inner.write(first)
      socket.pipe(inner).pipe(socket)
      return
    }
    socket.pause()
    socket.unshift(first)
    http1.emit('connection', socket)
    socket.resume()
  })
}

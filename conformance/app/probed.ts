/**
 * An application that a kubelet probes in every way there is, in one file without dependencies: HTTP, HTTPS, gRPC health and bare TCP.
 * Each can be broken and mended, by name, at a port of its loopback: `POST /broken/https`, `POST /whole/https`.
 *
 * Environment: NAME (what it calls itself); /tls has a certificate and its key.
 */
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { createServer } from 'node:net'

const { NAME = 'probed' } = process.env
const PORTS = { http: 8080, https: 8443, grpc: 9000, tcp: 7000, control: 9099 }
const broken = new Set<string>()

/** Whoever comes for anything but its health is served, however ill it says it is. */
function page(which: string): RequestListener {
  return ({ url }, response) => {
    const status = url === '/healthz' && broken.has(which) ? 503 : 200
    response.writeHead(status, { 'x-echo-pod': NAME }).end()
  }
}

/** grpc.health.v1.Health/Check of one service, by hand: SERVING or NOT_SERVING. */
function checkHealth(stream: ServerHttp2Stream): void {
  stream.on('error', () => {})
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, broken.has('grpc') ? 2 : 1]))
}

const tls = { cert: readFileSync('/tls/tls.crt'), key: readFileSync('/tls/tls.key') }
createHttpServer(page('http')).listen(PORTS.http)
createHttpsServer(tls, page('https')).listen(PORTS.https)
createHttp2Server().on('stream', checkHealth).listen(PORTS.grpc)
/** Nobody listens while it is broken. */
const tcp = createServer(socket => socket.on('error', () => {}).end('hello\n')).listen(PORTS.tcp)

createHttpServer(({ url = '' }, response) => {
  const [, state, which = ''] = url.split('/')
  if (state === 'broken') broken.add(which)
  else broken.delete(which)
  if (which === 'tcp' && state === 'broken') tcp.close()
  if (which === 'tcp' && state === 'whole') tcp.listen(PORTS.tcp)
  response.end()
}).listen(PORTS.control, '127.0.0.1')

process.once('SIGTERM', () => process.exit(0))

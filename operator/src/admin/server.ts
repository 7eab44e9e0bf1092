/**
 * What people, probes and Prometheus may ask a control plane. It answers reading questions only and changes nothing.
 *
 * Who may call it: whoever can open a connection to a loopback address, that is, processes of this machine (or of this pod,
 * and whoever Kubernetes lets forward a port to it). They see the topology of the mesh, and no secret. A web page in a
 * browser of this machine is not among them: names other than loopback ones are refused (DNS rebinding), and no origin is
 * ever allowed to read an answer. Where it must answer the network, for probes and scrapes, it answers those alone.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { Slots } from '@smi-mesh/dataplane/xds'
import { MeshError, systemCode } from '../mesh-error.ts'
import { redactedJson } from './redact.ts'

/** Where the answers come from. Each is asked anew for every request. */
export interface AdminProviders {
  /** What is not ready yet, as sentences; none means ready. */
  readonly unready: () => readonly string[]
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
  readonly mesh: () => unknown
  readonly findings: () => unknown
  /** What cannot be read in the source. */
  readonly problems: () => unknown
  readonly proxies: () => unknown
  /** Sums of what proxies were sent. */
  readonly counters: () => unknown
  /** Which certificates end when. */
  readonly certificates: () => unknown
  /** What the proxy with this `node.id` should hold; undefined where there is no such proxy. */
  readonly config: (node: string) => unknown
}

export interface AdminOptions {
  readonly address: string
  /** 0 for any that is free. */
  readonly port: number
  readonly providers: AdminProviders
  /**
   * `loopback`: everything, to this machine. `network`: health and metrics to whoever can connect, nothing else.
   */
  readonly audience: 'loopback' | 'network'
  /** A provider threw: a bug of ours. */
  readonly onFailure: (path: string, error: unknown) => void
}

export interface Admin {
  readonly address: string
  readonly port: number
  stop(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
  readonly allow?: string
}

type Route = (query: URLSearchParams) => Answer | Promise<Answer>

const JSON_TYPE = 'application/json; charset=utf-8'
const REQUEST_TIMEOUT_MS = 10_000
const MAX_CONNECTIONS = 64
const MAX_HEADER_BYTES = 16_384

/** Resolves once it answers. Rejects with a MeshError where the address cannot or must not be listened on. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const { address, port, audience } = options
  if (audience === 'loopback' && !isLoopback(address)) {
    const message = `The admin server shows the whole mesh and listens on loopback addresses alone, not on ${address}. Use 127.0.0.1, or let it show health and metrics only.`
    throw new MeshError('AddressRefused', message)
  }
  const routes = routesOf(options)
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => {
      request.resume() // whatever was sent along is of no interest
      answer(request, routes, options).then(
        found => send(request, response, found),
        error => {
          options.onFailure(request.url ?? '', error)
          send(
            request,
            response,
            problem(500, 'The control plane made a mistake in answering this; its log says which.'),
          )
        },
      )
    },
  )
  const slots = new Slots<Socket>(MAX_CONNECTIONS)
  server.on('connection', (socket: Socket) => place(slots, socket))
  const bound = await listen(server, address, port)
  return { address, port: bound, stop: () => stop(server) }
}

/** A stranger who holds all the places must not keep out the kubelet, which would end the process for it. */
function place(slots: Slots<Socket>, socket: Socket): void {
  const { remoteAddress: address } = socket
  if (address === undefined) return // gone already
  const placed = slots.take(address, socket)
  if (placed.kind === 'refused') {
    socket.destroy()
    return
  }
  socket.once('close', () => slots.release(address, socket))
  placed.displaced?.destroy()
}

function routesOf({ providers, audience }: AdminOptions): ReadonlyMap<string, Route> {
  const shown =
    (value: () => unknown): Route =>
    () =>
      json(200, value())
  const forAnyone: [string, Route][] = [
    ['/healthz', () => json(200, { status: 'alive' })],
    ['/readyz', () => readiness(providers.unready())],
    ['/metrics', async () => ({ status: 200, ...(await providers.metrics()) })],
  ]
  const forThisMachine: [string, Route][] = [
    ['/debug/mesh', shown(providers.mesh)],
    ['/debug/findings', shown(providers.findings)],
    ['/debug/problems', shown(providers.problems)],
    ['/debug/proxies', shown(providers.proxies)],
    ['/debug/counters', shown(providers.counters)],
    ['/debug/certificates', shown(providers.certificates)],
    ['/debug/config', query => config(providers, query.get('node') ?? '')],
  ]
  return new Map(audience === 'loopback' ? [...forAnyone, ...forThisMachine] : forAnyone)
}

async function answer(
  request: IncomingMessage,
  routes: ReadonlyMap<string, Route>,
  options: AdminOptions,
): Promise<Answer> {
  const { host = '' } = request.headers
  if (options.audience === 'loopback' && !isLoopbackName(host)) {
    return problem(403, `This address answers to loopback names only, not to "${host}". Use http://localhost:<port>.`)
  }
  const method = request.method ?? ''
  if (method !== 'GET' && method !== 'HEAD') {
    return { ...problem(405, `Nothing can be changed here: ask by GET or HEAD, not by ${method}.`), allow: 'GET, HEAD' }
  }
  const url = URL.parse(`http://admin${request.url ?? '/'}`)
  const route = url === null ? undefined : routes.get(url.pathname)
  if (url === null || route === undefined) {
    return problem(404, `There is nothing at this path. Ask for one of: ${[...routes.keys()].join(', ')}.`)
  }
  return route(url.searchParams)
}

function readiness(unready: readonly string[]): Answer {
  return unready.length === 0 ? json(200, { status: 'ready' }) : json(503, { status: 'not ready', because: unready })
}

function config(providers: AdminProviders, node: string): Answer {
  if (node === '') return problem(400, 'Say whose configuration: /debug/config?node=<pod>.<namespace>.')
  const found = providers.config(node)
  if (found === undefined) return problem(404, `No proxy of this mesh is called "${node}"; /debug/proxies lists them.`)
  return json(200, found)
}

function json(status: number, value: unknown): Answer {
  return { status, contentType: JSON_TYPE, body: redactedJson(value) }
}

function problem(status: number, error: string): Answer {
  return json(status, { error })
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body, allow }: Answer): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    ...(allow === undefined ? {} : { allow }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function isLoopback(address: string): boolean {
  return address === '::1' || address === 'localhost' || (isIP(address) === 4 && address.startsWith('127.'))
}

/** The name in a Host header, without its port. */
function isLoopbackName(host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  return isLoopback(name) || name === '[::1]'
}

function listen(server: Server, address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(unbound(error, address, port)))
    server.listen(port, address, () => {
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port)
    })
  })
}

function unbound(cause: Error, address: string, port: number): MeshError {
  if (systemCode(cause) === 'EADDRINUSE') {
    const message = `Something else listens on ${address}:${port}, where the admin server was to be. Choose another port.`
    return new MeshError('AddressInUse', message, { cause })
  }
  const message = `The admin server cannot listen on ${address}:${port} (${systemCode(cause) ?? cause.message}). Choose another address.`
  return new MeshError('AddressUnavailable', message, { cause })
}

function stop(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** The admin side of a running control plane: read-only answers about what it knows. For one machine; no credentials, no writes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { ControlPlane } from '../control-plane.ts'
import { MeshError, systemCode } from '../mesh-error.ts'
import { printableMesh } from '../printable.ts'
import { type Address, addressText, isLoopback } from './options.ts'

type Answer = (plane: ControlPlane) => unknown

const ANSWERS: Readonly<Record<string, Answer>> = {
  '/healthz': () => 'ok',
  '/readyz': () => 'ok',
  '/debug/mesh': plane => printableMesh(plane.mesh),
  '/debug/findings': plane => plane.findings(),
  '/debug/problems': plane => plane.sourceProblems(),
  '/debug/proxies': plane => plane.proxies(),
  '/debug/counters': plane => plane.counters(),
}

export class AdminServer {
  readonly #plane: ControlPlane
  #server: Server | undefined
  #isLocal = true

  constructor(plane: ControlPlane) {
    this.#plane = plane
  }

  /** Resolves with the port. */
  async listen(at: Address): Promise<number> {
    this.#isLocal = isLoopback(at)
    const server = createServer((request, response) => this.#answer(request, response))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', error => reject(listenError(at, error)))
      server.listen(at.port, at.host, resolve)
    })
    const bound = server.address()
    return typeof bound === 'object' && bound !== null ? bound.port : at.port
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    server.closeAllConnections()
    await new Promise<void>(resolve => server.close(() => resolve()))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { status, body, type } = this.#reply(request)
    response.writeHead(status, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    response.end(body)
  }

  #reply({ headers, method, url }: IncomingMessage): Reply {
    // A web page can make a browser ask us under a name of its own; whoever means us says where we are.
    if (this.#isLocal && !isLocalHost(headers.host ?? '')) return text(421, 'Ask by the address of this machine.')
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'Only GET is answered here.')
    const { pathname } = new URL(url ?? '/', 'http://localhost')
    const answer = Object.hasOwn(ANSWERS, pathname) ? ANSWERS[pathname] : undefined
    if (answer === undefined) return text(404, `There are ${Object.keys(ANSWERS).join(', ')}.`)
    const body = answer(this.#plane)
    if (typeof body === 'string') return text(200, body)
    return { status: 200, type: 'application/json', body: `${JSON.stringify(body, null, 2)}\n` }
  }
}

interface Reply {
  readonly status: number
  readonly type: string
  readonly body: string
}

function text(status: number, line: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${line}\n` }
}

function isLocalHost(host: string): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d+)?$/.test(host)
}

function listenError(at: Address, error: Error): MeshError {
  const where = addressText(at)
  if (systemCode(error) === 'EADDRINUSE') {
    return new MeshError(
      'AddressInUse',
      `${where} is in use. End what listens there, or name another one with --admin-address.`,
      { cause: error },
    )
  }
  return new MeshError(
    'AddressUnavailable',
    `${where} cannot be listened on (${systemCode(error) ?? error.message}). Name another one with --admin-address.`,
    { cause: error },
  )
}

/**
 * The HTTPS server that the API server calls: conversion, validation, injection. One path each, JSON in and out.
 *
 * Who may call it: whoever can reach the port, for API servers present no certificate unless an administrator makes them. So what
 * it answers depends on what it is sent, changes nothing, and tells no more than the compiler's findings on an object of the
 * caller's own making. That it is us who answer is proved by a certificate of the mesh, for the name of our Service.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { IdentityCertificate, SpiffeId, TrustBundle } from '@smi-mesh/dataplane/mesh'
import { Slots } from '@smi-mesh/dataplane/xds'
import type { Fields } from '../facts/read.ts'
import type { CredentialSource } from '../identity/index.ts'
import { USUAL_KEY_EXCHANGE } from '../key-exchange.ts'
import { MeshError, systemCode } from '../mesh-error.ts'
import { type Answer, Bodies, type Body } from './bodies.ts'
import { isNestedWithin, jsonText } from './json-text.ts'
import { Pace } from './pace.ts'

export interface Webhook {
  /** Answers a review with a review; a sentence where it is none that can be answered. */
  readonly answer: (body: unknown) => Fields | string
  readonly mostBytes: number
  /** How deep what it is sent may be nested. */
  readonly mostDepth: number
  /** Whether it can answer already; always, where left out. Until then it is 503. */
  readonly isReady?: () => boolean
}

export interface WebhookServerOptions {
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  readonly credentials: CredentialSource
  /** Whose certificate the server shows; it bears the Service's name of DNS. */
  readonly identity: SpiffeId
  readonly serverName: string
  /** By path: `/convert`. */
  readonly webhooks: ReadonlyMap<string, Webhook>
  /** After every answer, in milliseconds. */
  readonly answered?: (path: string, status: number, ms: number) => void
  /** A webhook threw: a bug of ours. */
  readonly onFailure: (path: string, error: unknown) => void
  /** A connection was refused or ended because one caller has too many, or a request because one asks too often. */
  readonly crowded?: (address: string) => void
  readonly now: () => number
  readonly limits?: Partial<WebhookLimits>
}

/** What one caller, and all together, may take of a process that serves the proxies as well. */
export interface WebhookLimits {
  readonly connections: number
  /** Of one address, each second. So many more at once as come in eight seconds. */
  readonly connectionsPerSecond: number
  readonly requestsPerSecond: number
  readonly handshakeMs: number
  readonly headersMs: number
  readonly requestMs: number
  /** Nothing was sent or taken while a request or its answer is on its way. */
  readonly silenceMs: number
  /** Between requests. */
  readonly idleMs: number
  readonly checkMs: number
  /** How long what is under way may go on once we are to stop. */
  readonly stopMs: number
}

/**
 * Whoever can reach the port may send anything: a few bytes must not become all the memory, nor a few slow connections all there
 * are. An API server keeps a connection for 90 seconds after its last question; who ends it sooner may end it under a question.
 */
const LIMITS: WebhookLimits = {
  connections: 512,
  connectionsPerSecond: 64,
  requestsPerSecond: 500,
  handshakeMs: 5_000,
  headersMs: 5_000,
  requestMs: 15_000,
  silenceMs: 30_000,
  idleMs: 120_000,
  checkMs: 1_000,
  stopMs: 5_000,
}
const BURST_SECONDS = 8
const SELF_CHECK_MS = 2_000
const JSON_TYPE = /^application\/json *(;|$)/i
const HEALTH = '/healthz'

export class WebhookServer {
  readonly #options: WebhookServerOptions
  readonly #limits: WebhookLimits
  readonly #server: Server
  readonly #endings: (() => void)[] = []
  readonly #bodies = new Bodies()
  readonly #slots: Slots<Socket>
  readonly #connecting: Pace
  readonly #asking: Pace
  #certificate: IdentityCertificate | undefined
  #bundle: TrustBundle | undefined

  constructor(options: WebhookServerOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    const limits = this.#limits
    this.#slots = new Slots(limits.connections)
    const pace = (perSecond: number) => new Pace({ burst: perSecond * BURST_SECONDS, perSecond, now: options.now })
    this.#connecting = pace(limits.connectionsPerSecond)
    this.#asking = pace(limits.requestsPerSecond)
    this.#server = createServer(
      { ...timesOf(limits), ...USUAL_KEY_EXCHANGE, minVersion: 'TLSv1.2' },
      (incoming, response) => this.#answer(incoming, response),
    )
    this.#server.setTimeout(limits.silenceMs)
    this.#server.on('connection', (socket: Socket) => this.#connected(socket))
    // Half a handshake is no failure of ours, and a health check by a stranger is one.
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy())
  }

  /** Resolves with the port once it answers. */
  async start(): Promise<number> {
    const { credentials, identity, host, port } = this.#options
    this.#endings.push(
      credentials.follow(identity, certificate => this.#show(certificate)),
      credentials.followBundle(bundle => {
        this.#bundle = bundle
      }),
    )
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#server.once('error', error => reject(unavailable(`${host}:${port}`, error)))
    this.#server.listen(port, host, () => resolve(portOf(this.#server.address())))
    return await promise
  }

  /** Takes no new connection, lets what is under way finish; nobody holds up the end by going on for ever. */
  async stop(): Promise<void> {
    for (const end of this.#endings) end()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeIdleConnections()
    const late = setTimeout(() => {
      for (const socket of this.#slots.all()) socket.destroy()
    }, this.#limits.stopMs)
    await promise
    clearTimeout(late)
  }

  /**
   * Why an API server could not be answered now, as a sentence; undefined where it could. Asks itself over TLS, verified as an
   * API server would: by the published roots and the Service's name.
   */
  async obstacle(): Promise<string | undefined> {
    if (this.#certificate === undefined || this.#bundle === undefined) return 'The webhooks have no certificate yet.'
    const { serverName: servername, host } = this.#options
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    const asked = request(
      {
        host: host === '0.0.0.0' || host === '::' ? 'localhost' : host,
        port: portOf(this.#server.address()),
        path: HEALTH,
        servername,
        ca: [...this.#bundle.roots],
        headers: { host: servername },
        timeout: SELF_CHECK_MS,
        agent: false,
      },
      response => {
        response.resume()
        resolve(response.statusCode === 200 ? undefined : `The webhooks answer themselves with ${response.statusCode}.`)
      },
    )
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${SELF_CHECK_MS} ms`)))
    asked.on('error', error => resolve(`The webhooks cannot be called as the API server calls them: ${error.message}.`))
    asked.end()
    return await promise
  }

  /** Our own question comes from an address that no stranger has: it gets a place however many strangers there are. */
  #connected(socket: Socket): void {
    const { remoteAddress: address } = socket
    if (address === undefined) return // gone already
    const placed = this.#connecting.allows(address) ? this.#slots.take(address, socket) : { kind: 'refused' as const }
    if (placed.kind === 'taken') socket.once('close', () => this.#slots.release(address, socket))
    else socket.destroy()
    const displaced = placed.kind === 'taken' ? placed.displaced : undefined
    if (placed.kind === 'refused' || displaced !== undefined)
      this.#options.crowded?.(displaced?.remoteAddress ?? address)
    displaced?.destroy()
  }

  /** New connections see the new certificate; those that are open are left alone. */
  #show(certificate: IdentityCertificate): void {
    this.#certificate = certificate
    const { chain: cert, privateKey } = certificate
    this.#server.setSecureContext({ ...USUAL_KEY_EXCHANGE, cert, key: privateKey.reveal() })
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    const { answered, onFailure, now } = this.#options
    const began = now()
    const path = pathOf(incoming)
    const body = this.#bodies.body()
    response.once('close', () => body.release()) // as long as the answer is not taken, it is held as well
    const answer = ({ status, text }: Written) => {
      send(response, { status, text })
      if (path !== HEALTH) answered?.(path, status, now() - began)
    }
    // Writing an answer down may fail as making it may: what is nested deeply enough was read, and cannot be written.
    const asked = this.#asked(incoming, path, body).then(written)
    asked.then(answer, (error: unknown) => {
      if (incoming.complete) onFailure(path, error) // else the caller went before all was said
      answer(written({ status: 500, body: 'The operator made a mistake in answering this; its log says which.' }))
    })
  }

  async #asked(incoming: IncomingMessage, path: string, body: Body): Promise<Answer> {
    const { remoteAddress = '' } = incoming.socket
    if (!this.#asking.allows(remoteAddress)) {
      this.#options.crowded?.(remoteAddress)
      return { status: 429, body: 'Too much is being asked from one address; come again.' }
    }
    if (path === HEALTH && incoming.method === 'GET') return { status: 200, body: { status: 'alive' } }
    const webhook = this.#options.webhooks.get(path)
    if (webhook === undefined) return { status: 404, body: 'There is no such webhook.' }
    if (webhook.isReady?.() === false) {
      return { status: 503, body: 'This replica has not read the cluster yet; another one may have, or come again.' }
    }
    if (incoming.method !== 'POST') return { status: 405, body: 'A review is sent by POST.' }
    if (!JSON_TYPE.test(incoming.headers['content-type'] ?? '')) {
      return { status: 415, body: 'A review is sent as application/json.' }
    }
    const text = await body.read(incoming, webhook.mostBytes)
    if (typeof text !== 'string') return text
    if (!isNestedWithin(text, webhook.mostDepth)) {
      return { status: 400, body: `A review here is nested at most ${webhook.mostDepth} deep.` }
    }
    const review = parsed(text)
    if (review === undefined) return { status: 400, body: 'A review is JSON.' }
    const answer = webhook.answer(review)
    return { status: typeof answer === 'string' ? 400 : 200, body: answer }
  }
}

function timesOf({ handshakeMs, headersMs, requestMs, idleMs, checkMs }: WebhookLimits) {
  return {
    handshakeTimeout: handshakeMs,
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: idleMs,
    keepAliveTimeoutBuffer: 0,
    connectionsCheckingInterval: checkMs,
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // told to the caller: it is no JSON
  }
}

interface Written {
  readonly status: number
  readonly text: string
}

function written({ status, body }: Answer): Written {
  return { status, text: typeof body === 'string' ? `${body}\n` : jsonText(body) }
}

/** What was not read to its end is not read any more. */
const CLOSING: ReadonlySet<number> = new Set([413, 415, 429, 503])

function send(response: ServerResponse, { status, text }: Written): void {
  const type = status === 200 ? 'application/json' : 'text/plain; charset=utf-8'
  const closing = CLOSING.has(status) ? { connection: 'close' } : {}
  response.writeHead(status, { 'content-type': type, ...closing }).end(text)
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

function portOf(address: string | AddressInfo | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

function unavailable(address: string, error: unknown): MeshError {
  const code = systemCode(error)
  if (code === 'EADDRINUSE') {
    return new MeshError(
      'AddressInUse',
      `Something else listens on ${address} already; give the webhooks another port.`,
    )
  }
  return new MeshError('AddressUnavailable', `The webhooks cannot listen on ${address}: ${code}.`, { cause: error })
}

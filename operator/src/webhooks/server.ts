/**
 * The HTTPS server that the API server calls: conversion, validation, injection. One path each, JSON in and out.
 *
 * Who may call it: whoever can reach the port, for API servers present no certificate unless an administrator makes them. So what
 * it answers depends on what it is sent, changes nothing, and tells no more than the compiler's findings on an object of the
 * caller's own making. That it is us who answer is proved by a certificate of the mesh, for the name of our Service.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { IdentityCertificate, SpiffeId, TrustBundle } from '@smi-mesh/dataplane/mesh'
import type { Fields } from '../facts/read.ts'
import type { CredentialSource } from '../identity/index.ts'
import { MeshError, systemCode } from '../mesh-error.ts'
import { type Answer, Bodies, type Body } from './bodies.ts'

export interface Webhook {
  /** Answers a review with a review; a sentence where it is none that can be answered. */
  readonly answer: (body: unknown) => Fields | string
  readonly mostBytes: number
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
  readonly now: () => number
}

/**
 * Whoever can reach the port may send anything, and the same process serves the proxies: a few bytes must not become all its
 * memory, nor a few slow connections all there are.
 */
const TIMES = {
  handshakeTimeout: 5_000,
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
}
/** Nothing was sent or taken. */
const SILENCE_MS = 30_000
const SELF_CHECK_MS = 2_000
const MAX_CONNECTIONS = 512
const HEALTH = '/healthz'

export class WebhookServer {
  readonly #options: WebhookServerOptions
  readonly #server: Server
  readonly #endings: (() => void)[] = []
  readonly #bodies = new Bodies()
  #certificate: IdentityCertificate | undefined
  #bundle: TrustBundle | undefined

  constructor(options: WebhookServerOptions) {
    this.#options = options
    this.#server = createServer({ ...TIMES, minVersion: 'TLSv1.2' }, (incoming, response) =>
      this.#answer(incoming, response),
    )
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#server.setTimeout(SILENCE_MS)
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

  /** Takes no new connection, lets what is under way finish. */
  async stop(): Promise<void> {
    for (const end of this.#endings) end()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeIdleConnections()
    await promise
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

  /** New connections see the new certificate; those that are open are left alone. */
  #show(certificate: IdentityCertificate): void {
    this.#certificate = certificate
    this.#server.setSecureContext({ cert: certificate.chain, key: certificate.privateKey.reveal() })
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
    if (path === HEALTH && incoming.method === 'GET') return { status: 200, body: { status: 'alive' } }
    const webhook = this.#options.webhooks.get(path)
    if (webhook === undefined) return { status: 404, body: 'There is no such webhook.' }
    if (incoming.method !== 'POST') return { status: 405, body: 'A review is sent by POST.' }
    const text = await body.read(incoming, webhook.mostBytes)
    if (typeof text !== 'string') return text
    const review = parsed(text)
    if (review === undefined) return { status: 400, body: 'A review is JSON.' }
    const answer = webhook.answer(review)
    return { status: typeof answer === 'string' ? 400 : 200, body: answer }
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
  return { status, text: typeof body === 'string' ? `${body}\n` : JSON.stringify(body) }
}

function send(response: ServerResponse, { status, text }: Written): void {
  const type = status === 200 ? 'application/json' : 'text/plain; charset=utf-8'
  const closing = status === 413 || status === 503 ? { connection: 'close' } : {}
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

/** One ADS stream: carries requests to a session and its responses to the wire. Decides nothing of the protocol. */
import { type ServerDuplexStream, status } from '@grpc/grpc-js'
import type { TypeUrl } from '../mesh/resource.ts'
import { absorb } from './absorb.ts'
import type { Catalog } from './catalog.ts'
import type { Peer } from './peer.ts'
import { type ConnectedProxy, type ProxyState, proxyState, type TypeNotes } from './proxy-state.ts'
import { type DiscoveryRequest, decodeRequest, type NodeInfo } from './request.ts'
import type { Response, SharedResponses } from './response.ts'
import { openSession, type Rejection, type Session, type SessionEvent } from './session.ts'
import { step } from './step.ts'
import { isTypeUrl } from './type-url.ts'

export type Call = ServerDuplexStream<Buffer, Buffer>

/** What a stream needs of the server it belongs to. */
export interface StreamHost {
  readonly catalog: Catalog
  readonly responses: SharedResponses
  readonly now: () => number
  readonly helloMs: number
  readonly warmingMs: number
  readonly maxNames: number
  /** Lets the stream in under this node, or says why not. */
  admitted(stream: AdsStream, peer: Peer, node: NodeInfo): ConnectedProxy | Refusal
  sent(response: Response, bytes: number): void
  answered(type: TypeUrl, accepted: boolean, latencyMs: number): void
  rejected(rejection: Rejection, proxy: ConnectedProxy): void
  failed(error: unknown): void
  closed(stream: AdsStream, reason: string): void
}

export interface Refusal {
  readonly code: status
  readonly reason: string
}

export class AdsStream {
  readonly #call: Call
  readonly #host: StreamHost
  readonly #peer: Peer
  readonly #notes = new Map<TypeUrl, TypeNotes>()
  #proxy: ConnectedProxy | undefined
  #session: Session | undefined
  /** Responses the transport has not taken yet. */
  #untaken = 0
  /** Something happened meanwhile. */
  #dirty = false
  #closed = false
  /** Before admission: the time to say hello. After: the time to ask for endpoints. */
  #timer: NodeJS.Timeout | undefined

  constructor(call: Call, peer: Peer, host: StreamHost) {
    this.#call = call
    this.#peer = peer
    this.#host = host
    this.#timer = setTimeout(() => this.end(status.DEADLINE_EXCEEDED, 'No request came.'), host.helloMs).unref()
    call.on('data', (bytes: Buffer) => this.#guard(() => this.#receive(bytes)))
    call.on('end', () => {
      this.#close('The proxy closed the stream.')
      call.end()
    })
    call.on('cancelled', () => this.#close('The connection was lost.'))
    call.on('close', () => this.#close('The stream was closed.'))
  }

  get proxy(): ConnectedProxy | undefined {
    return this.#proxy
  }

  get peer(): Peer {
    return this.#peer
  }

  /** The catalog has moved on. */
  visit(): void {
    this.#guard(() => this.#step({ kind: 'revision' }))
  }

  state(): ProxyState | undefined {
    if (this.#proxy === undefined || this.#session === undefined) return undefined
    return proxyState(this.#proxy, this.#session, this.#notes, this.#host.catalog)
  }

  /** Ends the stream with a status and a sentence the proxy will log. */
  end(code: status, sentence: string): void {
    if (this.#closed) return
    this.#close(sentence)
    this.#call.emit('error', Object.assign(new Error(sentence), { code, details: sentence }))
  }

  #receive(bytes: Buffer): void {
    if (this.#closed) return
    const request = decoded(bytes)
    if (request === undefined) {
      this.end(status.INVALID_ARGUMENT, 'This is no DeltaDiscoveryRequest.')
      return
    }
    if (this.#session === undefined) this.#admit(request)
    const session = this.#session
    if (session === undefined || this.#closed) return
    this.#noteAnswer(session, request)
    if (this.#untaken > 0) {
      const { session: next, rejected } = absorb(session, request, this.#host.catalog)
      this.#session = next
      this.#dirty = true
      if (rejected !== undefined) this.#noteRejection(rejected)
    } else this.#step({ kind: 'request', request })
    if (tooMany(this.#session, request.typeUrl, this.#host.maxNames)) {
      this.end(status.RESOURCE_EXHAUSTED, `More than ${this.#host.maxNames} names of one type are subscribed to.`)
    }
  }

  #admit({ node }: DiscoveryRequest): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (node === undefined || node.id === '') {
      this.end(status.INVALID_ARGUMENT, 'The first request of a stream must carry node.id.')
      return
    }
    const admitted = this.#host.admitted(this, this.#peer, node)
    if ('reason' in admitted) {
      this.end(admitted.code, admitted.reason)
      return
    }
    this.#proxy = admitted
    this.#session = openSession(admitted.scope)
  }

  /** While the transport has something of ours, nothing more is given to it: then one difference covers all. */
  #step(event: SessionEvent): void {
    if (this.#closed || this.#session === undefined) return
    if (this.#untaken > 0) {
      this.#dirty = true
      return
    }
    this.#dirty = false
    const { session, send, rejected, waits, end } = step(this.#session, event, this.#host.catalog)
    this.#session = session
    if (rejected !== undefined) this.#noteRejection(rejected)
    for (const response of send) this.#write(response)
    if (end) this.end(status.UNAVAILABLE, 'Too much has changed since this proxy was last told; it must reconnect.')
    else this.#wait(waits)
  }

  #write(response: Response): void {
    const bytes = this.#host.responses.bytes(response)
    const notes = this.#notes.get(response.type)
    const rejections = notes?.rejections ?? []
    this.#notes.set(response.type, { sentAt: this.#host.now(), ackedAt: notes?.ackedAt, rejections })
    this.#host.sent(response, bytes.length)
    this.#untaken++
    this.#call.write(bytes, () => this.#guard(() => this.#taken()))
  }

  #taken(): void {
    this.#untaken--
    if (this.#untaken === 0 && this.#dirty) this.#step({ kind: 'revision' })
  }

  /** Listeners and routes wait for the endpoints of new clusters, but not for ever: Envoy's own patience is as long. */
  #wait(waits: boolean): void {
    if (!waits) {
      clearTimeout(this.#timer)
      this.#timer = undefined
      return
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#guard(() => this.#step({ kind: 'overdue' }))
    }, this.#host.warmingMs).unref()
  }

  #noteAnswer({ types }: Session, { typeUrl, nonce, error }: DiscoveryRequest): void {
    if (!isTypeUrl(typeUrl) || nonce === '' || types[typeUrl]?.inFlight?.nonce !== nonce) return
    const notes = this.#notes.get(typeUrl)
    if (notes === undefined) return
    const now = this.#host.now()
    if (error === undefined) this.#notes.set(typeUrl, { ...notes, ackedAt: now })
    this.#host.answered(typeUrl, error === undefined, now - notes.sentAt)
  }

  #noteRejection(rejection: Rejection): void {
    const { sentAt = 0, ackedAt, rejections = [] } = this.#notes.get(rejection.type) ?? {}
    const others = rejections.filter(earlier => !earlier.names.some(name => rejection.names.includes(name)))
    this.#notes.set(rejection.type, { sentAt, ackedAt, rejections: [...others, rejection] })
    if (this.#proxy !== undefined) this.#host.rejected(rejection, this.#proxy)
  }

  #close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    this.#host.closed(this, reason)
  }

  /** A bug in one stream ends that stream, not the process. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#host.failed(error)
      this.end(status.INTERNAL, 'The control plane failed on this stream; see its log.')
    }
  }
}

function decoded(bytes: Buffer): DiscoveryRequest | undefined {
  try {
    return decodeRequest(bytes)
  } catch {
    return undefined // bytes of a peer are user input
  }
}

function tooMany(session: Session | undefined, typeUrl: string, maxNames: number): boolean {
  return isTypeUrl(typeUrl) && (session?.types[typeUrl]?.subscription.names.size ?? 0) > maxNames
}

/**
 * The gRPC server of the discovery service: streams in, sessions behind them, bytes out.
 *
 * Serves `DeltaAggregatedResources` alone. Every stream is judged once, at its first request, by `admit`.
 */
import { Server, type ServerCredentials, type ServerOptions, type ServiceDefinition, status } from '@grpc/grpc-js'
import type { PodKey, WorkloadKey } from '../mesh/keys.ts'
import type { TypeUrl } from '../mesh/resource.ts'
import type { Catalog, Revision } from './catalog.ts'
import { Connections } from './connections.ts'
import { type Peer, peerOf } from './peer.ts'
import { type PeerProof, peerByToken, type ReviewToken } from './proof.ts'
import type { ConnectedProxy, ProxyState } from './proxy-state.ts'
import { Pusher } from './push.ts'
import type { NodeInfo } from './request.ts'
import { SharedResponses } from './response.ts'
import type { Rejection } from './session.ts'
import { AdsStream, type Call, type Refusal, type StreamHost } from './stream.ts'
import { StreamLives } from './stream-life.ts'

/** Whether a proxy is let in, and as what. */
export type Admission =
  | { readonly kind: 'admitted'; readonly scope: WorkloadKey; readonly pod: PodKey }
  | { readonly kind: 'refused'; readonly reason: string }

export interface XdsEvents {
  readonly connected: (proxy: ConnectedProxy) => void
  readonly disconnected: (proxy: ConnectedProxy, reason: string) => void
  /** A stream was not let in. */
  readonly refused: (reason: string, address: string) => void
  /** All connections there may be are taken: this address was not let in, or another that has the most lost one. */
  readonly crowded: (address: string) => void
  readonly pushed: (type: TypeUrl, resources: number, removed: number, bytes: number) => void
  /** From a response's writing to its ACK. */
  readonly acked: (type: TypeUrl, latencyMs: number) => void
  /** A proxy refused a version, once for each; what it refused among several is found out first. */
  readonly rejected: (rejection: Rejection, proxy: ConnectedProxy) => void
  /** A bug of ours ended a stream. */
  readonly failed: (error: unknown) => void
}

/** Sums since the server was made, apart from `streams`, which are open now. */
export interface XdsCounters {
  readonly streams: number
  readonly connected: number
  readonly refused: number
  readonly pushes: number
  readonly resources: number
  readonly removed: number
  readonly bytes: number
  /** Responses encoded; all other pushes shared the bytes of one of these. */
  readonly encoded: number
  readonly acks: number
  readonly nacks: number
}

export interface XdsServerOptions extends Partial<XdsEvents> {
  readonly catalog: Catalog
  /** May do work: the first proxy of an identity has its certificate issued here. Asked again by `reassign`. */
  readonly admit: (peer: Peer, node: NodeInfo) => Admission
  readonly proof?: PeerProof
  readonly now?: () => number
  readonly maxStreams?: number
  /** Open at a time, whether or not they have a stream; shared so that no address can keep out others. */
  readonly maxConnections?: number
  readonly maxRequestBytes?: number
  /** Names of one type that one proxy may subscribe to. */
  readonly maxNames?: number
  /** How long a stream may stay silent before its first request. */
  readonly helloMs?: number
  /** How long listeners and routes wait for a proxy to ask for its clusters' endpoints. */
  readonly warmingMs?: number
  readonly keepaliveMs?: number
  readonly keepaliveTimeoutMs?: number
  /** Connections are closed at about this age (± 10 %), so that proxies spread over replicas. */
  readonly maxConnectionAgeMs?: number
  /** How long `stop` lets streams end by themselves. */
  readonly stopMs?: number
}

const DEFAULTS = {
  now: Date.now,
  maxStreams: 10_000,
  maxConnections: 10_000,
  maxRequestBytes: 4 << 20,
  maxNames: 100_000,
  helloMs: 10_000,
  warmingMs: 15_000,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 20_000,
  stopMs: 2_000,
}

const STOPPING = 'The control plane is stopping.'
const STATE_OF_THE_WORLD =
  'This control plane speaks the incremental protocol alone: set api_type: DELTA_GRPC in ads_config of the bootstrap.'

export class XdsServer {
  readonly #options: XdsServerOptions & typeof DEFAULTS
  readonly #responses = new SharedResponses()
  readonly #pusher = new Pusher<AdsStream>(stream => stream.visit())
  readonly #streams = new Set<AdsStream>()
  readonly #byScope = new Map<WorkloadKey, Set<AdsStream>>()
  readonly #byPod = new Map<PodKey, Set<AdsStream>>()
  readonly #counters = { connected: 0, refused: 0, pushes: 0, resources: 0, removed: 0, bytes: 0, acks: 0, nacks: 0 }
  readonly #host: StreamHost
  readonly #lives: StreamLives | undefined
  #server: Server | undefined
  #connections: Connections | undefined
  #secure = true
  #pushed: Revision
  /** Streams whose token is with whoever judges it. */
  #reviewing = 0
  #stopping = false

  constructor(options: XdsServerOptions) {
    this.#options = { ...DEFAULTS, ...options }
    this.#pushed = options.catalog.revision
    this.#host = this.#hostOf(this.#options)
    const { proof, now } = this.#options
    if (proof?.kind === 'token' && proof.reproof !== undefined) this.#lives = new StreamLives(proof.reproof, now)
  }

  /** Resolves with the port once it accepts streams (`Connections.listen`). One server listens once. */
  async listen(address: string, credentials: ServerCredentials): Promise<number> {
    const server = new Server(serverOptions(this.#options))
    this.#secure = credentials._isSecure()
    if (this.#options.proof?.kind === 'token' && !this.#secure)
      throw new TypeError('Tokens need TLS: anyone could read them.')
    this.#server = server
    server.addService(SERVICE, {
      DeltaAggregatedResources: (call: Call) => this.#open(call),
      StreamAggregatedResources: (call: Call) => refuse(call, status.UNIMPLEMENTED, STATE_OF_THE_WORLD),
    })
    const { maxConnections: most, crowded = () => undefined } = this.#options
    const injector = server.createConnectionInjector(credentials)
    this.#connections = new Connections({ most, crowded, taken: socket => injector.injectConnection(socket) })
    return await this.#connections.listen(address)
  }

  /** Tells the proxies whose scopes a change since the last push may concern. */
  push(): void {
    const { catalog } = this.#options
    const affected = catalog.affectedSince(this.#pushed)
    this.#pushed = catalog.revision
    for (const scope of affected) this.#pusher.add(this.#byScope.get(scope) ?? [])
  }

  /**
   * Ends a pod's streams if they would no longer be admitted as what they are; on reconnecting they are judged anew.
   */
  reassign(pod: PodKey): void {
    for (const stream of [...(this.#byPod.get(pod) ?? [])]) {
      const { proxy, peer } = stream
      if (proxy === undefined) continue
      const admission = this.#options.admit(peer, proxy.node)
      if (admission.kind === 'refused') stream.end(status.PERMISSION_DENIED, admission.reason)
      else if (admission.scope !== proxy.scope) {
        stream.end(status.UNAVAILABLE, `Pod ${pod} now belongs to workload ${admission.scope}; it must reconnect.`)
      }
    }
  }

  /** Every connected proxy and how it stands. Costs time in proportion to their number: for people, not for loops. */
  proxies(): readonly ProxyState[] {
    return [...this.#streams].flatMap(stream => stream.state() ?? [])
  }

  /** What connected proxies refuse of what is current. */
  rejections(): readonly Rejection[] {
    return this.proxies().flatMap(proxy => proxy.types.flatMap(type => type.rejections))
  }

  counters(): XdsCounters {
    return { ...this.#counters, streams: this.#streams.size, encoded: this.#responses.encoded }
  }

  /** Ends every stream with a sentence, waits a little for the proxies to go, then closes what is left. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#pusher.clear()
    const connections = this.#connections
    if (connections === undefined) return
    for (const stream of [...this.#streams]) stream.end(status.UNAVAILABLE, STOPPING)
    const ended = connections.close()
    // It says goodbye to its sessions. Of connections that have said nothing it knows nothing, so they are what is waited for.
    this.#server?.tryShutdown(() => undefined)
    const late = setTimeout(() => connections.destroy(), this.#options.stopMs)
    await ended
    clearTimeout(late)
  }

  #open(call: Call): void {
    const { proof = { kind: 'connection' }, maxStreams } = this.#options
    if (this.#stopping) this.#turnAway(call, status.UNAVAILABLE, STOPPING)
    else if (this.#streams.size + this.#reviewing >= maxStreams) {
      this.#turnAway(call, status.RESOURCE_EXHAUSTED, 'This replica serves as many proxies as it may.')
    } else if (proof.kind === 'token') void this.#openByToken(call, proof.review)
    else {
      const peer = peerOf(call, this.#secure)
      const missing = 'The stream needs a client certificate with one SPIFFE ID.'
      if (peer === undefined) this.#turnAway(call, status.UNAUTHENTICATED, missing)
      else this.#serve(call, peer)
    }
  }

  /** Nothing of the stream is read before its token is judged. */
  async #openByToken(call: Call, review: ReviewToken): Promise<void> {
    this.#reviewing++
    const proved = await peerByToken(call, review, this.#options.helloMs)
    this.#reviewing--
    if (call.cancelled) return
    if (this.#stopping) this.#turnAway(call, status.UNAVAILABLE, STOPPING)
    else if ('reason' in proved) this.#turnAway(call, proved.code, proved.reason)
    else this.#serve(call, proved)
  }

  #serve(call: Call, peer: Peer): void {
    const stream = new AdsStream(call, peer, this.#host)
    this.#streams.add(stream)
    if (peer.kind === 'token') this.#lives?.begin(stream, peer.expiresAt)
  }

  #turnAway(call: Call, code: status, reason: string): void {
    this.#counters.refused++
    this.#options.refused?.(reason, call.getPeer())
    refuse(call, code, reason)
  }

  #hostOf({ catalog, now, helloMs, warmingMs, maxNames, ...events }: XdsServerOptions & typeof DEFAULTS): StreamHost {
    const counters = this.#counters
    return {
      ...{ catalog, now, helloMs, warmingMs, maxNames, responses: this.#responses },
      admitted: (stream, peer, node) => this.#admit(stream, peer, node),
      sent: ({ type, resources, removed }, bytes) => {
        counters.pushes++
        counters.resources += resources.length
        counters.removed += removed.length
        counters.bytes += bytes
        events.pushed?.(type, resources.length, removed.length, bytes)
      },
      answered: (type, accepted, latencyMs) => {
        counters[accepted ? 'acks' : 'nacks']++
        if (accepted) events.acked?.(type, latencyMs)
      },
      rejected: (rejection, proxy) => events.rejected?.(rejection, proxy),
      failed: error => events.failed?.(error),
      closed: (stream, reason) => this.#closed(stream, reason),
    }
  }

  #admit(stream: AdsStream, peer: Peer, node: NodeInfo): ConnectedProxy | Refusal {
    const { admit, catalog, now } = this.#options
    const admission = admit(peer, node)
    if (admission.kind === 'refused') {
      this.#counters.refused++
      this.#options.refused?.(admission.reason, peer.address)
      return { code: status.PERMISSION_DENIED, reason: admission.reason }
    }
    const { scope, pod } = admission
    // An empty answer would take away what the proxy holds.
    if (!catalog.hasScope(scope)) return { code: status.UNAVAILABLE, reason: `Workload ${scope} is not compiled yet.` }
    const proxy: ConnectedProxy = { node, pod, scope, peer, connectedAt: now() }
    this.#options.connected?.(proxy)
    this.#counters.connected++
    joined(this.#byScope, scope, stream)
    joined(this.#byPod, pod, stream)
    return proxy
  }

  #closed(stream: AdsStream, reason: string): void {
    this.#streams.delete(stream)
    this.#lives?.forget(stream)
    this.#pusher.delete(stream)
    if (stream.proxy === undefined) return
    left(this.#byScope, stream.proxy.scope, stream)
    left(this.#byPod, stream.proxy.pod, stream)
    this.#options.disconnected?.(stream.proxy, reason)
  }
}

function refuse(call: Call, code: status, sentence: string): void {
  call.emit('error', Object.assign(new Error(sentence), { code, details: sentence }))
}

function joined<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  sets.set(key, (sets.get(key) ?? new Set()).add(value))
}

function left<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key)
  set?.delete(value)
  if (set?.size === 0) sets.delete(key)
}

function serverOptions(options: XdsServerOptions & typeof DEFAULTS): ServerOptions {
  const age = options.maxConnectionAgeMs
  return {
    'grpc.enable_channelz': 0, // records of every socket and call that nothing here reads: half the heap of a stream
    'grpc.max_concurrent_streams': options.maxStreams,
    'grpc.max_receive_message_length': options.maxRequestBytes,
    'grpc.keepalive_time_ms': options.keepaliveMs,
    'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs,
    // grpc-js spreads the age by a tenth either way; the grace ends streams of proxies that do not heed GOAWAY.
    ...(age === undefined
      ? {}
      : { 'grpc.max_connection_age_ms': age, 'grpc.max_connection_age_grace_ms': options.stopMs }),
  }
}

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService'
const bytes = (buffer: Buffer) => buffer
const stream = (method: string) => ({
  path: `${PATH}/${method}`,
  requestStream: true,
  responseStream: true,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
})

/** Bytes in and out: responses are encoded once and shared, requests are read by `decodeRequest`. */
export const SERVICE: ServiceDefinition = {
  DeltaAggregatedResources: stream('DeltaAggregatedResources'),
  StreamAggregatedResources: stream('StreamAggregatedResources'),
}

/**
 * Many proxies in one process, for measuring a control plane: each with a connection, a certificate or a token, and a delta ADS
 * stream of its own, subscribing as Envoy does and acknowledging everything. Run as a child process, told what to do by messages.
 */
import { readFileSync } from 'node:fs'
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { TypeUrl } from '@smi-mesh/dataplane/mesh'
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse, decode, encode, messageJson } from '@smi-mesh/dataplane/proto'

export interface ProxySpec {
  readonly nodeId: string
  readonly proof: ProxyProof
}

/** By a certificate on plain processes, by the token of its pod in a cluster. */
export type ProxyProof =
  | { readonly kind: 'certificate'; readonly cert: string; readonly key: string }
  | { readonly kind: 'token'; readonly token: string }

export type Command =
  /** Those that are not connected; only the first `most` of all, where that is given. */
  | {
      readonly kind: 'connect'
      readonly address: string
      readonly ca: string
      readonly proxies: string
      readonly most?: number
    }
  /** Answered as soon as so many responses have been acknowledged in all. */
  | { readonly kind: 'expect'; readonly responses: number }
  | { readonly kind: 'report' }
  | { readonly kind: 'disconnect' }

export interface Report {
  readonly kind: 'report'
  readonly streams: number
  readonly responses: number
  readonly resources: number
  readonly bytes: number
  readonly errors: readonly string[]
  /** By a clock that all processes of a machine share, in milliseconds: when the last acknowledgement was written. */
  readonly acknowledgedAt: number
}

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'
const COME_AGAIN_MS = 500
/** What a message of the first type is incomplete without. */
const FOLLOWED: readonly (readonly [TypeUrl, TypeUrl])[] = [
  [TypeUrl.cluster, TypeUrl.loadAssignment],
  [TypeUrl.listener, TypeUrl.routeConfiguration],
]
const WILDCARD_TYPES: readonly string[] = [TypeUrl.cluster, TypeUrl.listener]

class BenchProxy {
  readonly #held = new Map<string, Map<string, string>>()
  readonly #client: Client
  readonly #nodeId: string
  readonly #metadata = new Metadata()
  #stream: ClientDuplexStream<Buffer, Buffer> | undefined
  #counts: Counts

  constructor({ nodeId, proof }: ProxySpec, address: string, ca: Buffer, counts: Counts) {
    const [key, cert] = proof.kind === 'token' ? [null, null] : [Buffer.from(proof.key), Buffer.from(proof.cert)]
    if (proof.kind === 'token') this.#metadata.set('authorization', `Bearer ${proof.token}`)
    const channel = credentials.createSsl(ca, key, cert, {
      checkServerIdentity: () => undefined, // the server has a SPIFFE ID and no host name
    })
    this.#client = new Client(address, channel, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.ssl_target_name_override': 'control-plane', // an address is no name to ask for by SNI
    })
    this.#nodeId = nodeId
    this.#counts = counts
  }

  /** Opens the stream, if there is none; what was held in an earlier one is offered as initial versions, as Envoy does. */
  connect(): void {
    if (this.#stream !== undefined) return
    const same = (bytes: Buffer) => bytes
    const stream = this.#client.makeBidiStreamRequest(PATH, same, same, this.#metadata)
    this.#stream = stream
    stream.on('data', (bytes: Buffer) => this.#receive(bytes))
    stream.on('error', (error: ServiceError) => this.#ended(error))
    this.#counts.streams++
    for (const type of WILDCARD_TYPES) this.#subscribe(type, [], this.#nodeId)
    for (const [type, held] of this.#held) {
      if (!WILDCARD_TYPES.includes(type)) this.#subscribe(type, [...held.keys()], '')
    }
  }

  disconnect(): void {
    this.#stream?.cancel()
  }

  /** Whoever is told to come again does, as Envoy would. */
  #ended({ code, message }: ServiceError): void {
    this.#stream = undefined
    this.#counts.streams--
    if (code === status.UNAVAILABLE) setTimeout(() => this.connect(), COME_AGAIN_MS)
    else if (code !== status.CANCELLED) this.#counts.errors.push(message)
  }

  #subscribe(type: string, names: readonly string[], nodeId: string): void {
    const held = Object.fromEntries(this.#held.get(type) ?? [])
    this.#send({
      node: { id: nodeId },
      typeUrl: type,
      resourceNamesSubscribe: [...names],
      initialResourceVersions: held,
    })
  }

  #send(request: DeltaDiscoveryRequest): void {
    this.#stream?.write(encode(DeltaDiscoveryRequest, request))
  }

  #receive(bytes: Buffer): void {
    const { typeUrl = '', nonce = '', resources = [], removedResources = [] } = decode(DeltaDiscoveryResponse, bytes)
    this.#counts.responses++
    this.#counts.resources += resources.length
    this.#counts.bytes += bytes.length
    const held = this.#held.get(typeUrl) ?? new Map<string, string>()
    this.#held.set(typeUrl, held)
    for (const { name = '', version = '' } of resources) held.set(name, version)
    for (const name of removedResources) held.delete(name)
    this.#send({ typeUrl, responseNonce: nonce })
    this.#counts.acknowledgedAt = sharedNow()
    answerExpected()
    for (const [of, to] of FOLLOWED) {
      if (of === typeUrl) this.#follow(to, [...new Set(resources.flatMap(one => named(of, one.resource?.value)))])
    }
  }

  #follow(type: string, names: readonly string[]): void {
    const known = this.#held.get(type) ?? new Map<string, string>()
    const news = names.filter(name => !known.has(name))
    if (news.length > 0) this.#send({ typeUrl: type, resourceNamesSubscribe: news })
  }
}

/** The names of the other type that a cluster or a listener speaks of; the same bytes are read once. */
function named(type: TypeUrl, message: Uint8Array | undefined): readonly string[] {
  const bytes = Buffer.from(message ?? [])
  const key = `${type} ${bytes.toString('latin1')}`
  const known = namesOf.get(key)
  if (known !== undefined) return known
  const names = type === TypeUrl.cluster ? endpointsOf(bytes) : routesOf(bytes)
  namesOf.set(key, names)
  return names
}
const namesOf = new Map<string, readonly string[]>()

function endpointsOf(bytes: Uint8Array): readonly string[] {
  const { name, type, eds_cluster_config: config } = messageJson(TypeUrl.cluster, bytes) as unknown as ClusterJson
  return type === 'EDS' ? [config?.service_name ?? name] : []
}

interface ClusterJson {
  readonly name: string
  readonly type: string
  readonly eds_cluster_config?: { readonly service_name?: string }
}

function routesOf(bytes: Uint8Array): readonly string[] {
  const json = JSON.stringify(messageJson(TypeUrl.listener, bytes))
  return [...json.matchAll(/"route_config_name":"([^"]+)"/g)].map(match => match[1] ?? '')
}

interface Counts {
  streams: number
  responses: number
  resources: number
  bytes: number
  errors: string[]
  acknowledgedAt: number
}

const counts: Counts = { streams: 0, responses: 0, resources: 0, bytes: 0, errors: [], acknowledgedAt: 0 }
let proxies: readonly BenchProxy[] = []
/** At how many responses whoever asked is to be told. */
let expected: number | undefined

/** Monotonic, and the same for every process of this machine. */
function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function report(): void {
  process.send?.({ kind: 'report', ...counts } satisfies Report)
}

function answerExpected(): void {
  if (expected === undefined || counts.responses < expected) return
  expected = undefined
  report()
}

process.on('message', (command: Command) => {
  if (command.kind === 'connect') {
    if (proxies.length === 0) {
      const specs = JSON.parse(readFileSync(command.proxies, 'utf8')) as readonly ProxySpec[]
      proxies = specs.map(spec => new BenchProxy(spec, command.address, readFileSync(command.ca), counts))
    }
    for (const proxy of proxies.slice(0, command.most)) proxy.connect()
  }
  if (command.kind === 'disconnect') for (const proxy of proxies) proxy.disconnect()
  if (command.kind !== 'expect') return report()
  expected = command.responses
  answerExpected()
})

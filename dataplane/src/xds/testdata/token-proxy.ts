/**
 * A proxy of a pod as the control plane sees it: a delta ADS stream proved by a token, which comes again whenever it ends, with a
 * fresh token and what it holds, as Envoy does. It carries no traffic; what it was ever told, lost and refused can be asked.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { TypeUrl } from '../../mesh/index.ts'
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse, decode, encode, messageJson } from '../../proto/index.ts'

export interface TokenProxyStart {
  /** `<pod>.<namespace>`. */
  readonly nodeId: string
  /** Roots of the mesh, in PEM. */
  readonly roots: string
  /** Whom to call now; undefined while there is nobody. */
  readonly port: () => number | undefined
  /** As the file is that a kubelet keeps fresh. */
  readonly token: () => Promise<string>
  /** Of a resource: why it is refused. */
  readonly refuses?: (type: string, name: string) => string | undefined
}

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'
const WILDCARD_TYPES: readonly string[] = [TypeUrl.cluster, TypeUrl.listener]
/** Envoy's first wait before it comes again is up to half a second. */
const RECONNECT_MS = 500
const same = (bytes: Buffer) => bytes

interface Held {
  readonly version: string
  readonly bytes: Buffer
}

export class TokenProxy {
  readonly #start: TokenProxyStart
  readonly #held = new Map<string, Map<string, Held>>()
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #call: ClientDuplexStream<Buffer, Buffer> | undefined
  /** Resources told, since the beginning. */
  received = 0
  /** Streams that were let in and told something, or had nothing to be told. */
  streams = 0
  readonly ends: { readonly code: number; readonly details: string }[] = []

  constructor(start: TokenProxyStart) {
    this.#start = start
    this.#running = this.#run()
  }

  /** Whether a text stands in something it holds. */
  knows(text: string): boolean {
    return [...this.#held.values()].some(names => [...names.values()].some(({ bytes }) => bytes.includes(text)))
  }

  /** Whether a text stands in a resource of this name. */
  says(name: string, text: string): boolean {
    return [...this.#held.values()].some(names => names.get(name)?.bytes.includes(text) === true)
  }

  /** How many resources it holds. */
  get holds(): number {
    return [...this.#held.values()].reduce((sum, names) => sum + names.size, 0)
  }

  /** Whether a stream is open. */
  get isConnected(): boolean {
    return this.#call !== undefined
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#call?.cancel()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const port = this.#start.port()
      const token = port === undefined ? undefined : await this.#start.token().catch(() => undefined)
      if (port !== undefined && token !== undefined && !signal.aborted) await this.#stream(port, token)
      await pause(Math.random() * RECONNECT_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  /** One stream, to its end. */
  async #stream(port: number, token: string): Promise<void> {
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${token}`)
    const channel = credentials.createSsl(Buffer.from(this.#start.roots), null, null, {
      checkServerIdentity: () => undefined, // the server has a SPIFFE ID; its root is what is looked at here
    })
    const client = new Client(`127.0.0.1:${port}`, channel, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.ssl_target_name_override': 'smi-mesh',
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    const call = client.makeBidiStreamRequest(PATH, same, same, metadata)
    call.on('data', (bytes: Buffer) => this.#receive(bytes))
    call.on('error', ({ code, details }: ServiceError) => {
      if (!this.#stopping.signal.aborted) this.ends.push({ code, details })
      resolve()
    })
    call.on('end', () => resolve())
    call.on('metadata', () => this.streams++)
    this.#call = call
    for (const type of WILDCARD_TYPES) this.#subscribe(type, [])
    for (const [type, held] of this.#held) if (!WILDCARD_TYPES.includes(type)) this.#subscribe(type, [...held.keys()])
    await promise
    this.#call = undefined
    client.close()
  }

  #subscribe(typeUrl: string, resourceNamesSubscribe: string[]): void {
    const versions = [...(this.#held.get(typeUrl) ?? [])].map(([name, { version }]) => [name, version])
    const node = { id: this.#start.nodeId }
    this.#send({ node, typeUrl, resourceNamesSubscribe, initialResourceVersions: Object.fromEntries(versions) })
  }

  #send(request: DeltaDiscoveryRequest): void {
    this.#call?.write(encode(DeltaDiscoveryRequest, request))
  }

  #receive(bytes: Buffer): void {
    const { typeUrl = '', nonce = '', resources = [], removedResources = [] } = decode(DeltaDiscoveryResponse, bytes)
    this.received += resources.length
    const names = resources.map(({ name = '' }) => name)
    const refused = names.flatMap(name => this.#start.refuses?.(typeUrl, name) ?? [])
    if (refused.length > 0) {
      this.#send({ typeUrl, responseNonce: nonce, errorDetail: { code: 13, message: refused.join('; ') } })
      return
    }
    const held = this.#held.get(typeUrl) ?? new Map<string, Held>()
    this.#held.set(typeUrl, held)
    for (const { name = '', version = '', resource } of resources) {
      held.set(name, { version, bytes: Buffer.from(resource?.value ?? []) })
    }
    for (const name of removedResources) held.delete(name)
    this.#send({ typeUrl, responseNonce: nonce })
    if (typeUrl === TypeUrl.cluster) this.#follow(TypeUrl.loadAssignment, names)
    if (typeUrl === TypeUrl.listener) {
      for (const { resource } of resources) this.#follow(TypeUrl.routeConfiguration, routesOf(resource?.value))
    }
  }

  #follow(typeUrl: string, names: readonly string[]): void {
    const known = this.#held.get(typeUrl)
    const news = names.filter(name => known?.has(name) !== true)
    if (news.length > 0) this.#send({ typeUrl, resourceNamesSubscribe: news })
  }
}

/** The route configurations that a listener names. */
function routesOf(listener: Uint8Array | undefined): readonly string[] {
  const json = JSON.stringify(messageJson(TypeUrl.listener, Buffer.from(listener ?? [])))
  return [...new Set([...json.matchAll(/"route_config_name":"([^"]+)"/g)].map(match => match[1] ?? ''))]
}

/**
 * A small model of Envoy's delta ADS client, enough to catch a server that tells it the wrong thing or at the wrong
 * time.
 *
 * Content is told by version: a test notes what each version means. A cluster warms until its endpoints come; a
 * listener brings the subscription to its route, a cluster that to its endpoints and secret, as Envoy does.
 */
import { TypeUrl } from '../../mesh/resource.ts'
import type { DiscoveryRequest } from '../request.ts'
import type { Response } from '../response.ts'

/** What a resource of the model says. */
export interface Content {
  readonly clusters?: readonly string[]
  readonly route?: string
  readonly secret?: string
  readonly endpoints?: boolean
  /** The client rejects every response that holds it. */
  readonly bad?: boolean
}

export type Contents = ReadonlyMap<string, Content>

const { cluster, loadAssignment, listener, routeConfiguration, secret } = TypeUrl
const ORDER = [cluster, loadAssignment, secret, listener, routeConfiguration]

export class ClientModel {
  readonly held = new Map<TypeUrl, Map<string, string>>(ORDER.map(type => [type, new Map<string, string>()]))
  readonly names = new Map<TypeUrl, Set<string>>(
    [loadAssignment, secret, routeConfiguration].map(type => [type, new Set()]),
  )
  readonly warming = new Set<string>()
  /** Requests on their way, oldest first. */
  up: DiscoveryRequest[] = []
  /** What must not happen and did. */
  readonly violations: string[] = []
  /** Versions sent again for a reason: asked for, or endpoints that follow a cluster. */
  readonly expected = new Set<string>()
  readonly rejectedClusters = new Set<string>()
  nacked = false
  readonly #contents: Contents
  readonly #opened = new Set<TypeUrl>()

  constructor(contents: Contents) {
    this.#contents = contents
  }

  /** A new stream: the first request of every type, before anything is read. */
  connect(): void {
    this.up = []
    // Envoy waits so long for endpoints that it holds, then uses them.
    for (const name of this.warming) if (this.of(loadAssignment).has(name)) this.warming.delete(name)
    const opened = ORDER.filter(type => this.#opened.has(type) || type === cluster || type === listener)
    this.#opened.clear()
    for (const type of opened) this.#open(type)
  }

  receive(response: Response): void {
    const { type, resources, removed } = response
    const bad = resources.some(({ version }) => this.#contents.get(version)?.bad)
    for (const { name, version } of resources) {
      const again = this.of(type).get(name) === version && !this.nacked && !this.expected.has(`${type} ${name}`)
      if (again) this.violations.push(`${name} was sent again without need`)
    }
    if (bad) {
      this.nacked = true
      if (type === cluster) for (const one of resources) this.rejectedClusters.add(one.name)
      this.#send({ typeUrl: type, nonce: response.nonce, error: 'bad' })
      return
    }
    for (const name of removed) this.#remove(type, name)
    for (const { name, version } of resources) this.#put(type, name, version)
    this.#send({ typeUrl: type, nonce: response.nonce })
  }

  /** Asks again for what it has forgotten. */
  resubscribe(type: TypeUrl, name: string): void {
    if (!this.names.get(type)?.has(name)) return
    this.expected.add(`${type} ${name}`)
    this.#send({ typeUrl: type, subscribe: [name] })
  }

  of(type: TypeUrl): Map<string, string> {
    return this.held.get(type) ?? new Map()
  }

  #put(type: TypeUrl, name: string, version: string): void {
    const content = this.#contents.get(version) ?? {}
    const named = this.names.get(type)
    if (named !== undefined && !named.has(name)) return // no longer interested
    this.of(type).set(name, version)
    if (type === cluster) {
      this.rejectedClusters.delete(name)
      if (content.secret !== undefined) this.#subscribe(secret, content.secret)
      if (content.endpoints) {
        this.warming.add(name)
        this.expected.add(`${loadAssignment} ${name}`)
        this.#subscribe(loadAssignment, name)
      }
    }
    if (type === loadAssignment) this.warming.delete(name)
    if (type === listener && content.route !== undefined) this.#subscribe(routeConfiguration, content.route)
    for (const one of content.clusters ?? []) {
      if (this.rejectedClusters.has(one)) continue
      if (!this.of(cluster).has(one)) this.violations.push(`${name} names ${one} before it exists`)
      else if (this.warming.has(one)) this.violations.push(`${name} names ${one} before it is warm`)
    }
  }

  #remove(type: TypeUrl, name: string): void {
    if (type === secret) this.violations.push(`secret ${name} was taken away`)
    if (type === cluster) {
      for (const naming of [listener, routeConfiguration]) {
        for (const [one, version] of this.of(naming)) {
          if (this.#contents.get(version)?.clusters?.includes(name)) {
            this.violations.push(`cluster ${name} was removed while ${one} names it`)
          }
        }
      }
    }
    this.of(type).delete(name)
    if (type === cluster) this.warming.delete(name)
    if (type === cluster) this.#unsubscribe(loadAssignment, name)
    if (type === listener) this.#unsubscribe(routeConfiguration, name)
  }

  #subscribe(type: TypeUrl, name: string): void {
    const names = this.names.get(type)
    if (names === undefined || names.has(name)) return
    names.add(name)
    if (this.#opened.has(type)) this.#send({ typeUrl: type, subscribe: [name] })
    else this.#open(type)
  }

  #unsubscribe(type: TypeUrl, name: string): void {
    if (!this.names.get(type)?.delete(name)) return
    this.of(type).delete(name)
    this.#send({ typeUrl: type, unsubscribe: [name] })
  }

  #open(type: TypeUrl): void {
    this.#opened.add(type)
    const subscribe = [...(this.names.get(type) ?? [])]
    this.#send({ typeUrl: type, subscribe, initialVersions: this.of(type) })
  }

  #send(request: Partial<DiscoveryRequest>): void {
    const empty = { node: undefined, typeUrl: '', subscribe: [], unsubscribe: [], nonce: '', error: undefined }
    this.up.push({ ...empty, ...request, initialVersions: new Map(request.initialVersions ?? []) })
  }
}

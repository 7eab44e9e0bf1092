/**
 * Who may call what, and why: the mesh, read as a function of one request. It decides as the proxies do, so that
 * `smictl can` and the tests say what traffic would see. Knows neither Kubernetes nor Envoy.
 */
import type { Endpoint } from './endpoints.ts'
import { parseSpiffeId, type SpiffeId } from './identity.ts'
import {
  type Port,
  parseServiceKey,
  parseServicePortKey,
  parseWorkloadPortKey,
  podKey,
  type ServiceKey,
  type ServicePortKey,
  serviceKey,
  servicePortKey,
  type WorkloadKey,
  type WorkloadPortKey,
  workloadPortKey,
} from './keys.ts'
import type { HeaderMatch, TrafficMatch } from './match.ts'
import type { Mesh, MeshConfig } from './mesh.ts'
import { compareRefs, type ObjectRef, refText } from './object-ref.ts'
import { hasEscapedSlash, normalPath } from './path.ts'
import { fits } from './pattern.ts'
import type { Protocol, Route } from './service.ts'
import { serviceOfHost } from './service-host.ts'
import type { AccessMode } from './workload.ts'

/** What is asked for. Header names in any case, with all the values of a header that is sent in several lines; `host` stands among them. */
export type Call =
  | {
      readonly kind: 'http'
      readonly method: string
      readonly path: string
      readonly headers: Readonly<Record<string, string | readonly string[]>>
    }
  | { readonly kind: 'tcp' }

/** Where to: a name as a client would write it, a service port, or one inbound port of a workload. */
export type Destination =
  | { readonly kind: 'host'; readonly host: string; readonly port: Port }
  | { readonly kind: 'service'; readonly service: ServicePortKey }
  | { readonly kind: 'workload'; readonly port: WorkloadPortKey }

export interface MeshRequest {
  readonly source: SpiffeId | 'unidentified'
  readonly destination: Destination
  readonly call: Call
}

/** Why a server lets a request in, or does not. */
export type Verdict =
  | {
      readonly kind: 'rule'
      readonly allowed: true
      readonly rule: string
      readonly mode: AccessMode
      readonly from: readonly ObjectRef[]
    }
  | { readonly kind: 'mode'; readonly allowed: true; readonly mode: 'audit' | 'permissive' }
  | { readonly kind: 'no-rule'; readonly allowed: false; readonly mode: 'enforce' }
  | { readonly kind: 'unidentified'; readonly allowed: boolean; readonly mode: AccessMode }
  | { readonly kind: 'no-port'; readonly allowed: false }
  | { readonly kind: 'escaped-slash'; readonly allowed: false } // 400: the application might see another path than was judged
  | { readonly kind: 'outside'; readonly allowed: true } // no proxy there to ask

/** One kind of server behind a backend: equal pods are asked once. */
export interface ServerDecision {
  /** Empty for addresses and pods outside the mesh. */
  readonly workload: WorkloadKey | ''
  readonly verdict: Verdict
}

export interface BackendDecision {
  readonly backend: ServicePortKey
  /** The part of such requests that goes there, 0 to 1. */
  readonly share: number
  readonly allowed: 'yes' | 'no' | 'some' | 'nobody-there'
  readonly servers: readonly ServerDecision[]
}

export type Decision =
  | {
      readonly kind: 'unknown'
      readonly reason: 'no-such-service' | 'no-such-port' | 'no-such-workload' | 'bad-path' | 'no-http'
    }
  | { readonly kind: 'refused'; readonly route: Route; readonly status: number; readonly reason: string }
  | {
      readonly kind: 'routed'
      readonly route: Route
      readonly backends: readonly BackendDecision[]
      readonly from: readonly ObjectRef[]
    }
  | { readonly kind: 'judged'; readonly verdict: Verdict }

/** What becomes of one request, and whose object decided it. */
export function decide(mesh: Mesh, request: MeshRequest): Decision {
  if (request.destination.kind === 'workload') {
    const { port } = request.destination
    if (!mesh.access.has(port)) return { kind: 'unknown', reason: 'no-such-workload' }
    const call = normalCall(request.call, protocolOf(mesh, port), mesh.config)
    if (typeof call === 'string') return { kind: 'unknown', reason: call }
    return { kind: 'judged', verdict: verdictOf(mesh, port, request.source, call) }
  }
  const destination = servicePortOf(mesh, request.source, request.destination)
  if (destination === undefined) return { kind: 'unknown', reason: 'no-such-service' }
  const routes = mesh.routes.get(destination)?.routes
  if (routes === undefined) return { kind: 'unknown', reason: 'no-such-port' }
  const call = normalCall(request.call, spokenAt(mesh, destination), mesh.config)
  if (typeof call === 'string') return { kind: 'unknown', reason: call }
  const route = routeOf(routes, request, call, destination)
  if (route === undefined) return { kind: 'unknown', reason: 'no-such-port' }
  if (route.action.kind === 'refuse')
    return { kind: 'refused', route, status: route.action.status, reason: route.action.reason }
  const sum = route.action.backends.reduce((total, { weight }) => total + weight, 0)
  const backends = route.action.backends.map(({ backend, weight }) =>
    backendDecision(mesh, request.source, call, backend, weight / sum),
  )
  const verdicts = backends.flatMap(backend => backend.servers.map(({ verdict }) => verdict))
  return { kind: 'routed', route, backends, from: authors(route, verdicts) }
}

/** A call as matches see it: header names in lower case, the path in normal form, `host` without port and trailing dot. */
export type NormalCall =
  | {
      readonly kind: 'http'
      readonly method: string
      readonly path: string
      /** Whether the server refuses the path for an escaped slash in it. */
      readonly escapedSlash: boolean
      readonly headers: ReadonlyMap<string, string>
    }
  | { readonly kind: 'tcp' }

/** Why a proxy answers by itself: no path, a tunnel through the mesh, which there is none, or bytes where HTTP is read. */
function normalCall(
  call: Call,
  spoken: Protocol,
  { escapedSlashes }: Pick<MeshConfig, 'escapedSlashes'>,
): NormalCall | 'bad-path' | 'no-http' {
  if (call.kind === 'tcp') return spoken === 'http' || spoken === 'http2' ? 'no-http' : call
  const path = call.method === 'CONNECT' ? undefined : normalPath(call.path)
  if (path === undefined) return spoken === 'tcp' ? { kind: 'tcp' } : 'bad-path'
  const headers = joinedHeaders(call.headers)
  const authority = headers.get(':authority') ?? headers.get('host')
  if (authority !== undefined) headers.set('host', hostOf(authority))
  const escapedSlash = escapedSlashes === 'reject' && hasEscapedSlash(call.path)
  return { kind: 'http', method: call.method, path, escapedSlash, headers }
}

/**
 * Several lines of a header are one value, "separated by commas" (RFC 9110 §5.3), and never judged one by one: the application
 * sees all of them, so one that fits says nothing of the others.
 */
function joinedHeaders(sent: Readonly<Record<string, string | readonly string[]>>): Map<string, string> {
  const joined = new Map<string, string>()
  for (const [written, values] of Object.entries(sent)) {
    const name = written.toLowerCase()
    for (const value of [values].flat()) {
      const before = joined.get(name)
      joined.set(name, before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ','}${value}`)
    }
  }
  return joined
}

/** `web.shop.svc.cluster.local.:80` is `web.shop.svc.cluster.local`. */
export function hostOf(authority: string): string {
  return authority.replace(/:\d+$/, '').replace(/\.$/, '')
}

/** Whether a request is one that a match speaks of. Bytes of which nothing is known fit `any` alone. */
export function matches(match: TrafficMatch, call: NormalCall): boolean {
  if (match.kind === 'any') return true
  if (call.kind === 'tcp') return false
  return (
    (match.methods === 'any' || match.methods.includes(call.method)) &&
    (match.path === 'any' || fits(match.path, call.path)) &&
    match.headers.every(header => headerFits(header, call.headers))
  )
}

function headerFits(header: HeaderMatch, headers: ReadonlyMap<string, string>): boolean {
  const value = headers.get(header.name)
  return value !== undefined && fits(header.value, value)
}

function servicePortOf(
  mesh: Mesh,
  source: MeshRequest['source'],
  destination: Exclude<Destination, { kind: 'workload' }>,
): ServicePortKey | undefined {
  if (destination.kind === 'service') {
    return mesh.services.has(parseServicePortKey(destination.service).service) ? destination.service : undefined
  }
  const home = source === 'unidentified' ? '' : (parseSpiffeId(source)?.namespace ?? '')
  const named = serviceOfHost(destination.host, home, mesh.config.clusterDomain)
  const key: ServiceKey | undefined = named && serviceKey(named.namespace, named.name)
  return key !== undefined && mesh.services.has(key) ? servicePortKey(key, destination.port) : undefined
}

/** Splits are applied by the client's proxy; who has none reaches the plain Service (split v1alpha4, "Notes"). */
function routeOf(
  routes: readonly Route[],
  request: MeshRequest,
  call: NormalCall,
  destination: ServicePortKey,
): Route | undefined {
  if (request.source !== 'unidentified') return routes.find(route => matches(route.match, call))
  const action = { kind: 'forward', backends: [{ backend: destination, weight: 1 }] } as const
  return { match: { kind: 'any' }, action, from: routes.at(-1)?.from ?? [] }
}

function backendDecision(
  mesh: Mesh,
  source: MeshRequest['source'],
  call: NormalCall,
  backend: ServicePortKey,
  share: number,
): BackendDecision {
  const { namespace } = parseServiceKey(parseServicePortKey(backend).service)
  const servers = new Map<string, ServerDecision>()
  for (const endpoint of mesh.endpoints.get(backend)?.endpoints ?? []) {
    const workload = workloadOf(mesh, namespace, endpoint)
    const at = workload === '' ? '' : workloadPortKey(workload, endpoint.port)
    if (servers.has(at)) continue
    const verdict: Verdict =
      workload === ''
        ? { kind: 'outside', allowed: true }
        : verdictOf(mesh, workloadPortKey(workload, endpoint.port), source, call)
    servers.set(at, { workload, verdict })
  }
  const answers = new Set([...servers.values()].map(server => server.verdict.allowed))
  const allowed = answers.size === 0 ? 'nobody-there' : answers.size === 2 ? 'some' : answers.has(true) ? 'yes' : 'no'
  return { backend, share, allowed, servers: [...servers.keys()].sort().flatMap(key => servers.get(key) ?? []) }
}

function workloadOf(mesh: Mesh, namespace: string, endpoint: Endpoint): WorkloadKey | '' {
  if (endpoint.peer.kind === 'plain') return ''
  return mesh.pods.get(podKey(namespace, endpoint.pod)) ?? ''
}

function verdictOf(mesh: Mesh, port: WorkloadPortKey, source: MeshRequest['source'], call: NormalCall): Verdict {
  const access = mesh.access.get(port)
  if (access === undefined) return { kind: 'no-port', allowed: false }
  const heard = asHeard(call, protocolOf(mesh, port))
  if (heard.kind === 'http' && heard.escapedSlash) return { kind: 'escaped-slash', allowed: false }
  if (source === 'unidentified')
    return { kind: 'unidentified', allowed: access.unidentified === 'allow', mode: access.mode }
  const rule = access.rules.find(
    rule => rule.sources.includes(source) && rule.matches.some(match => matches(match, heard)),
  )
  if (rule !== undefined) return { kind: 'rule', allowed: true, rule: rule.name, mode: access.mode, from: rule.from }
  return access.mode === 'enforce'
    ? { kind: 'no-rule', allowed: false, mode: 'enforce' }
    : { kind: 'mode', allowed: true, mode: access.mode }
}

function spokenAt(mesh: Mesh, key: ServicePortKey): Protocol {
  const { service, port } = parseServicePortKey(key)
  return mesh.services.get(service)?.ports.find(one => one.port === port)?.protocol ?? 'auto'
}

function protocolOf(mesh: Mesh, key: WorkloadPortKey): Protocol {
  const { workload, port } = parseWorkloadPortKey(key)
  return mesh.workloads.get(workload)?.inbound.find(inbound => inbound.port === port)?.protocol ?? 'auto'
}

/** Where bytes are spoken, HTTP is not read, so nothing in it can be proven. */
function asHeard(call: NormalCall, protocol: Protocol): NormalCall {
  return protocol === 'tcp' ? { kind: 'tcp' } : call
}

function authors(route: Route, verdicts: readonly Verdict[]): readonly ObjectRef[] {
  const refs = [...route.from, ...verdicts.flatMap(verdict => (verdict.kind === 'rule' ? verdict.from : []))]
  const unique = new Map(refs.map(ref => [refText(ref), ref]))
  return [...unique.values()].sort(compareRefs)
}

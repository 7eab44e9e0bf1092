/**
 * TrafficTarget, as far as it can be understood before it meets a port: who is let in where, on which ports, for what.
 *
 * Ports and HTTP are a conjunction: a request passes if its port is one of the TCPRoutes' (where any is listed) and one of the
 * HTTPRouteGroups' routes fits it (where any is listed). Routes of other protocols do not leak into each other.
 */
import {
  type HttpMatch,
  type MeshConfig,
  type ObjectRef,
  type Port,
  type SpiffeId,
  spiffeId,
  type TrafficMatch,
} from '@smi-mesh/dataplane/mesh'
import { type NameKey, nameKey } from '../facts/fact-tables.ts'
import type { PortRouteFacts, RuleFacts, SubjectFacts, TrafficTargetFacts } from '../facts/facts.ts'
import { quoted } from '../facts/reduced.ts'
import { type Compiled, compareText, type Finding, finding } from './finding.ts'
import type { NamedMatch, RouteGroup } from './match.ts'

export interface Grant {
  readonly ref: ObjectRef
  /** The ServiceAccounts whose pods are opened, sorted. */
  readonly destinations: readonly NameKey[]
  /** Sorted. */
  readonly sources: readonly SpiffeId[]
  /** `destination.port` of v1alpha1 and v1alpha2. */
  readonly port: Port | 'all'
  readonly rules: readonly GrantRule[]
}

export interface GrantRule {
  /** `traffictarget/<namespace>/<name>/<rule>`. */
  readonly name: string
  /** Of the Service or of the pod. */
  readonly ports: readonly Port[] | 'all'
  /** Never empty. */
  readonly matches: readonly TrafficMatch[]
  readonly from: readonly ObjectRef[]
}

/** What may be looked at to understand a TrafficTarget. */
export interface GrantScenery {
  readonly accounts: (account: NameKey) => boolean | undefined
  readonly bindings: (binding: NameKey) => readonly NameKey[] | undefined
  readonly groups: (group: NameKey) => RouteGroup | undefined
  readonly tcpRoutes: (route: NameKey) => PortRouteFacts | undefined
  readonly udpRoutes: (route: NameKey) => PortRouteFacts | undefined
}

export function compileGrant(
  target: TrafficTargetFacts,
  scenery: GrantScenery,
  { trustDomain }: MeshConfig,
): Compiled<Grant> {
  const { ref, destination } = target
  const findings: Finding[] = []
  if (target.sources.length === 0) findings.push(nothing(ref, 'spec.sources', 'source'))
  if (target.rules.length === 0) findings.push(nothing(ref, 'spec.rules', 'rule'))
  const destinations = destinationsOf(target, scenery, findings)
  const sources = target.sources.flatMap((source, at) => subject(ref, source, `spec.sources[${at}]`, scenery, findings))
  const value: Grant = {
    ref,
    destinations: [...new Set(destinations)].sort(),
    sources: [...new Set(sources.map(account => identityOf(account, trustDomain)))].sort(),
    port: destination.port ?? 'all',
    rules: rulesOf(target, scenery, findings),
  }
  return { value, findings }
}

function nothing(ref: ObjectRef, field: string, what: string): Finding {
  return finding(ref, 'AllowsNothing', field, `Without a ${what} the TrafficTarget allows nothing. Name at least one.`)
}

function identityOf(account: NameKey, trustDomain: string): SpiffeId {
  const slash = account.indexOf('/')
  return spiffeId(trustDomain, { namespace: account.slice(0, slash), serviceAccount: account.slice(slash + 1) })
}

/** Who writes a TrafficTarget opens pods of his own namespace; those of others are theirs to open. */
function destinationsOf(
  { ref, destination }: TrafficTargetFacts,
  scenery: GrantScenery,
  findings: Finding[],
): readonly NameKey[] {
  if (destination.namespace === ref.namespace) return subject(ref, destination, 'spec.destination', scenery, findings)
  const message = `The destination is in namespace ${quoted(destination.namespace)}; the TrafficTarget allows nothing. Move it to that namespace.`
  findings.push(finding(ref, 'CrossNamespace', 'spec.destination.namespace', message))
  return []
}

/** The ServiceAccounts that a subject means. */
function subject(
  ref: ObjectRef,
  { kind, name, namespace }: SubjectFacts,
  field: string,
  scenery: GrantScenery,
  findings: Finding[],
): readonly NameKey[] {
  const key = nameKey(namespace, name)
  switch (kind) {
    case 'ServiceAccount': {
      if (scenery.accounts(key)) return [key]
      const message = `ServiceAccount ${key} does not exist and no pod runs under it. Create it, or correct name and namespace.`
      findings.push(finding(ref, 'ServiceAccountNotFound', `${field}.name`, message))
      return [key]
    }
    case 'IdentityBinding': {
      const accounts = scenery.bindings(key)
      if (accounts !== undefined) return accounts
      const message = `IdentityBinding ${key} does not exist, so it means nobody. Create it, or correct name and namespace.`
      findings.push(finding(ref, 'IdentityBindingNotFound', `${field}.name`, message))
      return []
    }
    default: {
      const message = `${quoted(kind)} cannot be a subject. Use a ServiceAccount or an IdentityBinding.`
      findings.push(finding(ref, 'KindNotSupported', `${field}.kind`, message))
      return []
    }
  }
}

/** A rule and the routes of what it refers to: none where there is no such object. */
interface Listed<R> {
  readonly name: string
  readonly routes: readonly R[]
  readonly from: ObjectRef
}

/** One entry of `rules`, read. */
type ReadRule =
  | ({ readonly kind: 'tcp' } & Listed<PortRouteFacts>)
  | ({ readonly kind: 'http' } & Listed<NamedMatch>)
  | { readonly kind: 'udp' }
  | { readonly kind: 'unknown' }

/** What the rules of a target come to. A rule that cannot be used still counts as listed: it allows nothing, and lifts no limit. */
function rulesOf(target: TrafficTargetFacts, scenery: GrantScenery, findings: Finding[]): readonly GrantRule[] {
  const { namespace, name: targetName } = target.ref
  const read = target.rules.map((rule, at) => readRule(target.ref, rule, `spec.rules[${at}]`, scenery, findings))
  if (read.some(rule => rule.kind === 'unknown')) return [] // it may have been meant to narrow the others
  const tcp = read.filter(rule => rule.kind === 'tcp')
  const http = read.filter(rule => rule.kind === 'http')
  const named = (rule: string) => `traffictarget/${namespace}/${targetName}/${rule}`
  if (http.length === 0) {
    return merged(tcp).flatMap(({ name, routes, from }) => {
      const ports = union(routes)
      return isNone(ports) ? [] : [{ name: named(name), ports, matches: ANYTHING, from: [from, target.ref] }]
    })
  }
  const ports = tcp.length === 0 ? 'all' : union(tcp.flatMap(({ routes }) => routes))
  if (isNone(ports)) return []
  const tcpRefs = merged(tcp).map(({ from }) => from)
  return merged(http).flatMap(({ name, routes, from }) => {
    const matches: readonly HttpMatch[] = routes.flatMap(({ match }) => match ?? [])
    return matches.length === 0 ? [] : [{ name: named(name), ports, matches, from: [from, ...tcpRefs, target.ref] }]
  })
}

const ANYTHING: readonly TrafficMatch[] = [{ kind: 'any' }]

function readRule(
  ref: ObjectRef,
  rule: RuleFacts,
  field: string,
  scenery: GrantScenery,
  findings: Finding[],
): ReadRule {
  const { kind, name } = rule
  const key = nameKey(ref.namespace, name)
  const from: ObjectRef = { kind, namespace: ref.namespace, name }
  switch (kind) {
    case 'TCPRoute': {
      const route = scenery.tcpRoutes(key)
      if (route === undefined) findings.push(missing(ref, field, rule))
      return { kind: 'tcp', name, routes: route === undefined ? [] : [route], from }
    }
    case 'HTTPRouteGroup': {
      const group = scenery.groups(key)
      if (group === undefined) findings.push(missing(ref, field, rule))
      return {
        kind: 'http',
        name,
        routes: group === undefined ? [] : routesNamed(ref, rule, group, field, findings),
        from,
      }
    }
    case 'UDPRoute': {
      if (scenery.udpRoutes(key) === undefined) findings.push(missing(ref, field, rule))
      const message = `UDPRoute ${quoted(name)} is not carried out: the mesh does not touch UDP. Protect UDP by a NetworkPolicy.`
      findings.push(finding(ref, 'Unsupported', field, message))
      return { kind: 'udp' }
    }
    default: {
      const message = `${quoted(kind)} cannot be a rule, so the TrafficTarget allows nothing. Use a TCPRoute or an HTTPRouteGroup.`
      findings.push(finding(ref, 'KindNotSupported', `${field}.kind`, message))
      return { kind: 'unknown' }
    }
  }
}

/** The routes a rule names; all of the group where it names none. */
function routesNamed(
  ref: ObjectRef,
  { name, matches }: RuleFacts,
  { routes }: RouteGroup,
  field: string,
  findings: Finding[],
): readonly NamedMatch[] {
  if (matches === undefined) return routes
  const known = new Set(routes.map(route => route.name))
  for (const [at, wanted] of matches.entries()) {
    if (known.has(wanted)) continue
    const message = `HTTPRouteGroup ${quoted(name)} has no match ${quoted(wanted)}; the name matches nothing. Correct it, or add the match.`
    findings.push(finding(ref, 'MatchNotFound', `${field}.matches[${at}]`, message))
  }
  const wanted = new Set(matches)
  return routes.filter(route => wanted.has(route.name))
}

function missing(ref: ObjectRef, field: string, { kind, name }: RuleFacts): Finding {
  const message = `${kind} ${quoted(name)} does not exist in namespace ${ref.namespace}, so the rule allows nothing. Create it, or correct the name.`
  return finding(ref, 'RouteNotFound', `${field}.name`, message)
}

/** Rules that refer to the same object are one rule; the order is that of the names. */
function merged<R>(rules: readonly Listed<R>[]): readonly Listed<R>[] {
  const byName = new Map<string, Listed<R>>()
  for (const { name, routes, from } of rules) {
    byName.set(name, { name, routes: [...(byName.get(name)?.routes ?? []), ...routes], from })
  }
  return [...byName.values()].sort((a, b) => compareText(a.name, b.name))
}

/** "If no ports are given, all ports" (specs v1alpha4, TCPRoute). */
function union(routes: readonly PortRouteFacts[]): readonly Port[] | 'all' {
  if (routes.some(({ ports }) => ports.length === 0)) return 'all'
  return [...new Set(routes.flatMap(({ ports }) => ports))].sort((a, b) => a - b)
}

function isNone(ports: readonly Port[] | 'all'): boolean {
  return ports.length === 0
}

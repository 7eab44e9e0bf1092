/**
 * SMI objects of any version → facts. The API package decodes and validates; this adds the limits that keep one object from
 * holding up the mesh, and says in findings what was refused and why.
 */
import { type ObjectRef, serviceKey, serviceOfHost } from '@smi-mesh/dataplane/mesh'
import { decode, type HubObject, type Problem } from '@smi-mesh/smi-crds'
import { type Finding, finding } from '../compile/finding.ts'
import type {
  HttpRouteGroupFacts,
  IdentityBindingFacts,
  PortRouteFacts,
  ServiceName,
  SubjectFacts,
  TrafficSplitFacts,
  TrafficTargetFacts,
} from './facts.ts'
import { quoted, type Reduced, reduced } from './reduced.ts'

type Hub<Kind extends HubObject['kind']> = Extract<HubObject, { readonly kind: Kind }>
/** How long a list is, and how long it may be. */
type Long = readonly [field: string, length: number, limit: number]

/** The longest lists the mesh takes. Generous for people, tight for accidents. */
export const LIMITS = {
  values: 50_000,
  backends: 128,
  splitMatches: 64,
  sources: 1024,
  rules: 128,
  ruleMatches: 512,
  routes: 512,
  headers: 32,
  methods: 32,
  ports: 1024,
  identities: 1024,
  /** Characters in all expressions of a group together. */
  expressions: 65_536,
  problems: 20,
} as const

export function trafficSplitFacts(ref: ObjectRef, object: unknown, clusterDomain: string): Reduced<TrafficSplitFacts> {
  const named = (written: string): ServiceName => {
    const found = serviceOfHost(written, ref.namespace, clusterDomain)
    return { written, key: found && serviceKey(found.namespace, found.name) }
  }
  return decoded(ref, object, 'TrafficSplit', ({ spec, metadata }) => ({
    long: [
      ['spec.backends', spec.backends.length, LIMITS.backends],
      ['spec.matches', spec.matches.length, LIMITS.splitMatches],
    ],
    facts: () => ({
      ref,
      createdAt: metadata.creationTimestamp,
      apex: named(spec.service),
      backends: spec.backends.map(({ service, weight }) => ({ service: named(service), weight })),
      matches: spec.matches.map(({ kind, name }) => ({ kind, name })),
    }),
  }))
}

export function trafficTargetFacts(ref: ObjectRef, object: unknown): Reduced<TrafficTargetFacts> {
  return decoded(ref, object, 'TrafficTarget', ({ spec }) => ({
    long: [
      ['spec.sources', spec.sources.length, LIMITS.sources],
      ['spec.rules', spec.rules.length, LIMITS.rules],
      ...spec.rules.map(
        ({ matches }, at): Long => [`spec.rules[${at}].matches`, matches?.length ?? 0, LIMITS.ruleMatches],
      ),
    ],
    facts: () => ({
      ref,
      destination: subjectFacts(ref, spec.destination),
      sources: spec.sources.map(source => subjectFacts(ref, source)),
      rules: spec.rules.map(({ kind, name, matches }) => ({ kind, name, matches })),
    }),
  }))
}

function subjectFacts(ref: ObjectRef, subject: Hub<'TrafficTarget'>['spec']['destination']): SubjectFacts {
  const { kind, name, namespace, port } = subject
  return { kind, name, namespace: namespace === undefined || namespace === '' ? ref.namespace : namespace, port }
}

export function httpRouteGroupFacts(ref: ObjectRef, object: unknown): Reduced<HttpRouteGroupFacts> {
  return decoded(ref, object, 'HTTPRouteGroup', ({ spec }) => ({
    long: [
      ['spec.matches', spec.matches.length, LIMITS.routes],
      ...longExpressions(spec.matches),
      ['spec.matches, all expressions together,', expressionsLength(spec.matches), LIMITS.expressions],
      ...spec.matches.slice(0, LIMITS.routes).flatMap(({ methods, headers }, at): readonly Long[] => [
        [`spec.matches[${at}].methods`, methods.length, LIMITS.methods],
        [`spec.matches[${at}].headers`, Object.keys(headers).length, LIMITS.headers],
      ]),
    ],
    facts: () => ({
      ref,
      matches: spec.matches.map(({ name, pathRegex, methods, headers }) => ({ name, pathRegex, methods, headers })),
    }),
  }))
}

/** Those that are longer alone than all may be together: the object is refused for them, and not only their match. */
function longExpressions(routes: Hub<'HTTPRouteGroup'>['spec']['matches']): readonly Long[] {
  return routes.flatMap(({ pathRegex = '', headers }, at): readonly Long[] => [
    [`spec.matches[${at}].pathRegex`, pathRegex.length, LIMITS.expressions],
    ...Object.entries(headers).map(
      ([name, value]): Long => [`spec.matches[${at}].headers.${name}`, value.length, LIMITS.expressions],
    ),
  ])
}

function expressionsLength(routes: Hub<'HTTPRouteGroup'>['spec']['matches']): number {
  const all = routes.flatMap(({ pathRegex = '', headers }) => [pathRegex, ...Object.values(headers)])
  return all.reduce((sum, expression) => sum + expression.length, 0)
}

export function tcpRouteFacts(ref: ObjectRef, object: unknown): Reduced<PortRouteFacts> {
  return decoded(ref, object, 'TCPRoute', ({ spec }) => portRoute(ref, spec.matches.ports))
}

export function udpRouteFacts(ref: ObjectRef, object: unknown): Reduced<PortRouteFacts> {
  return decoded(ref, object, 'UDPRoute', ({ spec }) => portRoute(ref, spec.matches.ports))
}

function portRoute(ref: ObjectRef, ports: readonly number[]): Reducing<PortRouteFacts> {
  return {
    long: [['spec.matches.ports', ports.length, LIMITS.ports]],
    facts: () => ({ ref, ports: [...new Set(ports)].sort((a, b) => a - b) }),
  }
}

export function identityBindingFacts(ref: ObjectRef, object: unknown): Reduced<IdentityBindingFacts> {
  return decoded(ref, object, 'IdentityBinding', ({ spec: { schemes } }) => ({
    long: [['spec.schemes.spiffeIdentities', schemes.spiffeIdentities.length, LIMITS.identities]],
    facts: () => ({
      ref,
      podLabels: schemes.podLabelSelector?.matchLabels,
      spiffeIdentities: schemes.spiffeIdentities,
      serviceAccount: schemes.serviceAccount,
    }),
  }))
}

/** Rules of the API package of which compiling says more: what becomes of the object. */
const SAID_LATER: ReadonlySet<string> = new Set([
  'backends-empty',
  'route-duplicate',
  'rules-empty',
  'sources-empty',
  'weights-zero',
])

interface Reducing<T> {
  readonly long: readonly Long[]
  readonly facts: () => T
}

function decoded<Kind extends HubObject['kind'], T>(
  ref: ObjectRef,
  object: unknown,
  kind: Kind,
  reduce: (hub: Hub<Kind>) => Reducing<T>,
): Reduced<T> {
  if (values(object) >= LIMITS.values) return rejected(tooManyValues(ref, object))
  const result = decode(object)
  if (result.kind === 'rejected')
    return {
      kind: 'rejected',
      findings: result.problems.slice(0, LIMITS.problems).map(problem => violation(ref, problem)),
    }
  const hub = result.object
  if (!isKind(hub, kind))
    return rejected(finding(ref, 'UnknownKind', 'kind', `The object is a ${hub.kind}, not a ${kind}.`))
  const { long, facts } = reduce(hub)
  const longest = long.find(([, length, limit]) => length > limit)
  if (longest !== undefined) {
    const [what, length, limit] = longest
    const [field = ''] = what.split(',', 1)
    return rejected(limitExceeded(ref, field, `The length of ${what} is ${length}, the limit is ${limit}.`))
  }
  return reduced(
    facts(),
    result.warnings
      .filter(({ rule }) => !SAID_LATER.has(rule))
      .slice(0, LIMITS.problems)
      .map(problem => lenience(ref, problem)),
  )
}

function isKind<Kind extends HubObject['kind']>(hub: HubObject, kind: Kind): hub is Hub<Kind> {
  return hub.kind === kind
}

function rejected<T>(one: Finding): Reduced<T> {
  return { kind: 'rejected', findings: [one] }
}

function limitExceeded(ref: ObjectRef, field: string, what: string): Finding {
  return finding(ref, 'LimitExceeded', field, `${what} The object is not used. Split it into several.`)
}

function violation(ref: ObjectRef, { path, message }: Problem): Finding {
  return finding(ref, 'SchemaViolation', path, message)
}

function lenience(ref: ObjectRef, { path, message }: Problem): Finding {
  return finding(ref, 'Lenient', path, message)
}

function tooManyValues(ref: ObjectRef, object: unknown): Finding {
  const { field, length } = longestList(object)
  const most = field === '' ? '' : ` ${field} alone has ${length} entries.`
  return limitExceeded(ref, field, `The object has more than ${LIMITS.values} values, which is the limit.${most}`)
}

/** A value and the way to it, which is spelt for none but the longest. */
interface Inside {
  readonly value: unknown
  readonly key?: string | number
  readonly parent?: Inside
}

/** The list or mapping with the most entries, looking at no more values than an object may have. */
function longestList(object: unknown): { readonly field: string; readonly length: number } {
  const root: Inside = { value: object }
  let longest = { place: root, length: 0 }
  const open = [root]
  for (const parent of open) {
    const { value } = parent
    if (typeof value !== 'object' || value === null) continue
    const length = Array.isArray(value) ? value.length : Object.keys(value).length
    if (length > longest.length) longest = { place: parent, length }
    for (const [key, inner] of entriesOf(value, LIMITS.values - open.length)) open.push({ value: inner, key, parent })
  }
  return { field: fieldOf(longest.place), length: longest.length }
}

/** The first entries of a list or mapping. */
function entriesOf(value: object, most: number): readonly (readonly [string | number, unknown])[] {
  if (most <= 0) return []
  if (Array.isArray(value)) return value.slice(0, most).map((inner: unknown, at) => [at, inner] as const)
  return Object.entries(value).slice(0, most)
}

function fieldOf({ key, parent }: Inside): string {
  const before = parent === undefined ? '' : fieldOf(parent)
  if (key === undefined) return before
  return typeof key === 'number' ? `${before}[${key}]` : before === '' ? key : `${before}.${key}`
}

/** How many values an object is made of, counted no further than the limit. */
function values(object: unknown): number {
  const open: unknown[] = [object]
  // Every value that is found counts, looked into or not, so that a long list ends the count at once.
  let count = 1
  for (let value = open.pop(); count < LIMITS.values; value = open.pop()) {
    if (typeof value === 'object' && value !== null) {
      const inside = Array.isArray(value) ? value : Object.values(value)
      count += inside.length
      if (count < LIMITS.values) for (const inner of inside) open.push(inner)
    }
    if (open.length === 0) break
  }
  return count
}

/** Says of an object of an SMI group what there is instead of its group or kind. */
export function unknownKind(ref: ObjectRef, object: unknown): Finding {
  const result = decode(object)
  const [problem] = result.kind === 'rejected' ? result.problems : []
  const message = problem?.message ?? `SMI has no kind ${quoted(ref.kind)} of this group; correct apiVersion and kind.`
  return finding(ref, 'UnknownKind', problem?.path ?? 'kind', message)
}

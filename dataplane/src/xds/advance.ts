/**
 * What a session's client is to be sent next.
 *
 * Make before break, across types: clusters and endpoints go out at once; listeners and routes wait until the client
 * has the clusters they may name, endpoints included; then what is gone is taken away, whatever names others first.
 */
import { TypeUrl } from '../mesh/resource.ts'
import type { Catalog, Change } from './catalog.ts'
import type { NameSet } from './name-set.ts'
import { NO_VERSIONS, type Resource } from './resource.ts'
import type { Nonce, Response } from './response.ts'
import { ASKED, type Held, NOTHING_OWED, type Session, type Step, type TypeState } from './session.ts'
import { covers } from './subscription.ts'

/**
 * A response is kept to about this size, that of a TLS record: a connection keeps the room its largest write took for as
 * long as it lives, and no answer blocks the loop or fills a slow stream. More costs a round trip each, at the start only.
 */
export const RESPONSE_BYTES = 15_000
/** Where something goes, what takes its place goes with it: so that a listener's address is never without one. */
const REPLACEMENT_BYTES = 1 << 20

/** The work on one session: types move on one by one, in push order. */
interface Work {
  readonly session: Session
  readonly catalog: Catalog
  readonly types: Partial<Record<TypeUrl, TypeState>>
  readonly send: Response[]
  warming: NameSet
  /** What changed since the client was last told is no longer remembered. */
  forgotten: boolean
}

/** Which removals may go with a type's next response: of nothing a client holds, or of everything that is gone. */
type Removals = 'unheld' | 'all'

export function advance(session: Session, catalog: Catalog): Omit<Step, 'rejected'> {
  if (!catalog.hasScope(session.scope)) return { session, send: [], waits: false, end: false } // keeps what it has
  const types = { ...session.types }
  const work: Work = { session, catalog, types, send: [], warming: session.warming, forgotten: false }
  offerNew(work)
  withdraw(work)
  fence(work)
  if (work.forgotten) return { session, send: [], waits: false, end: true }
  const { send, warming } = work
  return { session: { ...session, types, warming }, send, waits: waitsForEndpoints(work), end: false }
}

/** Clusters, endpoints, listeners, routes, secrets. */
function offerNew(work: Work): void {
  for (const type of [TypeUrl.cluster, TypeUrl.loadAssignment, TypeUrl.secret]) catchUp(work, type)
  expectEndpoints(work, offer(work, TypeUrl.cluster, 'unheld'))
  offer(work, TypeUrl.loadAssignment, 'unheld')
  if (clustersReady(work)) {
    catchUp(work, TypeUrl.listener)
    catchUp(work, TypeUrl.routeConfiguration)
    // A listener may take over the address of one that goes: Envoy removes before it adds, so both go in one response.
    offer(work, TypeUrl.listener, 'all')
    offer(work, TypeUrl.routeConfiguration, 'unheld')
  }
  offer(work, TypeUrl.secret, 'unheld')
}

/** What names others goes first: listeners (above), routes, clusters, endpoints. A client keeps secrets it once had. */
function withdraw(work: Work): void {
  const { types } = work
  if (!work.session.heard || !clustersReady(work) || !settled(types[TypeUrl.listener])) return
  offer(work, TypeUrl.routeConfiguration, 'all')
  // A client that rejected a route or listener still uses its old one, and what that names.
  const naming = [types[TypeUrl.listener], types[TypeUrl.routeConfiguration]]
  if (!naming.every(state => settled(state) && (state?.refused.size ?? 0) === 0)) return
  const leaving = types[TypeUrl.cluster]?.leaving ?? NO_VERSIONS
  if (leaving.size > 0) work.warming = work.warming.difference(leaving)
  offer(work, TypeUrl.cluster, 'all')
  if (settled(types[TypeUrl.cluster])) offer(work, TypeUrl.loadAssignment, 'all')
}

/**
 * A client that reconnects writes its first request of every type before it reads. Until it has answered something,
 * routes it still holds may be unknown here; an empty response brings that answer about.
 */
function fence(work: Work): void {
  if (work.session.heard || Object.values(work.types).some(state => state.inFlight !== undefined)) return
  for (const type of [TypeUrl.cluster, TypeUrl.loadAssignment, TypeUrl.routeConfiguration]) {
    const state = work.types[type]
    if (state === undefined || state.leaving.size === 0) continue
    respond(work, state, { type, resources: [], removed: [] })
    return
  }
}

/** Brings an idle type to the current revision: what changed is owed, what is gone is leaving. */
function catchUp(work: Work, type: TypeUrl): void {
  const { session, catalog, types } = work
  const state = types[type]
  if (state === undefined || state.inFlight !== undefined || state.holds === catalog.revision) return
  const changes = catalog.since(session.scope, type, state.holds)
  if (changes === undefined) work.forgotten = true
  const relevant = changes?.filter(change => covers(state.subscription, change.name)) ?? []
  types[type] = { ...(relevant.length === 0 ? state : withChanges(state, relevant)), holds: catalog.revision }
}

function withChanges(state: TypeState, changes: readonly Change[]): TypeState {
  const owed = new Map(state.owed)
  const leaving = new Map(state.leaving)
  for (const { name, was, is } of changes) {
    const held = owed.has(name) ? owed.get(name) : (leaving.get(name) ?? was)
    leaving.delete(name)
    if (is !== undefined) owed.set(name, held)
    else if (held !== undefined) {
      owed.delete(name)
      leaving.set(name, held)
    } else if (!state.subscription.names.has(name)) owed.delete(name) // never told, so nothing to take back
  }
  return { ...state, owed, leaving: leaving.size === 0 ? NO_VERSIONS : leaving }
}

/** Sends what is owed of a type, unless a response is in flight; returns what was told. */
function offer(work: Work, type: TypeUrl, removals: Removals): readonly Resource[] {
  const state = work.types[type]
  if (state === undefined || state.inFlight !== undefined) return []
  const leaving = removals === 'all' ? state.leaving : NO_VERSIONS
  if (state.owed.size === 0 && leaving.size === 0) return []
  const limit = leaving.size === 0 ? RESPONSE_BYTES : REPLACEMENT_BYTES
  const { resources, missing, later, gone } = pick(work, type, state, limit)
  const removed = [...leaving.keys(), ...missing].sort()
  const still = gone.length === 0 ? state.leaving : new Map([...state.leaving, ...gone])
  const next = { ...state, owed: later, leaving: removals === 'all' ? NO_VERSIONS : still }
  if (resources.length > 0 || removed.length > 0) respond(work, next, { type, resources, removed })
  else work.types[type] = next
  return resources
}

/**
 * As many of the owed names as one response takes. A secret that does not exist is answered once it does; what is gone
 * but not yet taken from the client is told when its turn comes, or answered should it return.
 */
function pick({ session, catalog }: Work, type: TypeUrl, state: TypeState, limit: number) {
  const resources: Resource[] = []
  const missing: string[] = []
  const gone: [string, typeof ASKED][] = []
  const later = new Map<string, Held>()
  let bytes = 0
  for (const name of [...state.owed.keys()].sort()) {
    if (bytes >= limit || resources.length >= state.batch) {
      later.set(name, state.owed.get(name)) // not even looked at: a proxy of many names is told them in many responses
      continue
    }
    const is = catalog.current(session.scope, type, name)
    const held = state.owed.get(name)
    if (is !== undefined) {
      if (held !== ASKED && (is.version === held || is.version === state.refused.get(name))) continue
      const fits = bytes === 0 || bytes + is.bytes <= limit
      if (fits) resources.push(is)
      else later.set(name, held)
      bytes += is.bytes
    } else if (state.leaving.has(name)) gone.push([name, ASKED])
    else if (type !== TypeUrl.secret) missing.push(name)
  }
  return { resources, missing, later: later.size === 0 ? NOTHING_OWED : later, gone }
}

function respond(work: Work, state: TypeState, content: Omit<Response, 'nonce'>): void {
  const response: Response = { ...content, nonce: nonceAfter(state.lastNonce, work.catalog) }
  work.send.push(response)
  work.types[content.type] = { ...state, inFlight: response, lastNonce: response.nonce }
}

/** The revision, so that all who are told the same are told it under the same nonce; counted on within a revision. */
function nonceAfter(last: Nonce, { revision }: Catalog): Nonce {
  const [at, count = '0'] = last.split('.')
  return at === String(revision) ? `${revision}.${Number(count) + 1}` : String(revision)
}

/**
 * "Warming of Cluster is completed only when a new ClusterLoadAssignment response is supplied by management server even
 * though there is no change in endpoints": each cluster told is followed by its endpoints, which bear its name.
 */
function expectEndpoints(work: Work, told: readonly Resource[]): void {
  const { session, catalog, types } = work
  const exists = (name: string) => catalog.current(session.scope, TypeUrl.loadAssignment, name) !== undefined
  const endpoints = types[TypeUrl.loadAssignment]
  // What is gone may come back before the client was told, and would be nothing new to it.
  const mayFollow = (name: string) => exists(name) || endpoints?.leaving.has(name) === true
  const anew = new Set(told.map(one => one.name).filter(mayFollow))
  if (anew.size > 0) work.warming = work.warming.union(anew)
  if (endpoints === undefined || work.warming.size === 0) return
  const underway = new Set(endpoints.inFlight?.resources.map(one => one.name))
  const expected = work.warming
    .values()
    // What is under way was sent before the cluster was told anew, if it was.
    .filter(name => anew.has(name) || !underway.has(name))
    .filter(name => exists(name) && covers(endpoints.subscription, name))
  const asked = [...expected.map(name => [name, ASKED] as const)]
  if (asked.length > 0) types[TypeUrl.loadAssignment] = { ...endpoints, owed: new Map([...endpoints.owed, ...asked]) }
}

/** Whether the client has every cluster that a listener or route may name, ready to take traffic. */
function clustersReady(work: Work): boolean {
  const clusters = work.types[TypeUrl.cluster]
  const told = clusters === undefined || (clusters.inFlight === undefined && clusters.owed.size === 0)
  return told && !waitsForEndpoints(work)
}

function waitsForEndpoints({ session, catalog, types, warming }: Work): boolean {
  if (types[TypeUrl.loadAssignment] === undefined) return false
  const exists = (type: TypeUrl, name: string) => catalog.current(session.scope, type, name) !== undefined
  return warming.values().some(name => exists(TypeUrl.loadAssignment, name) && exists(TypeUrl.cluster, name))
}

/** Whether nothing of a type is left to tell. */
function settled(state: TypeState | undefined): boolean {
  return state === undefined || (state.inFlight === undefined && state.owed.size === 0 && state.leaving.size === 0)
}

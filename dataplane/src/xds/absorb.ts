/**
 * What a request tells the server: an answer to a response, a change of interest, or, first of its type, what the
 * client has.
 */
import type { WorkloadKey } from '../mesh/keys.ts'
import type { ObjectRef } from '../mesh/object-ref.ts'
import { compareRefs, refText } from '../mesh/object-ref.ts'
import { TypeUrl } from '../mesh/resource.ts'
import type { Catalog } from './catalog.ts'
import type { NameSet } from './name-set.ts'
import type { DiscoveryRequest } from './request.ts'
import { NO_VERSIONS, type Version } from './resource.ts'
import type { Response } from './response.ts'
import { ASKED, type Held, NOTHING_OWED, type Rejection, type Session, type TypeState } from './session.ts'
import { covers, firstSubscription, interest } from './subscription.ts'
import { isTypeUrl } from './type-url.ts'

export interface Absorbed {
  readonly session: Session
  readonly rejected: Rejection | undefined
}

/** Sends nothing. A type we do not serve is never answered: it has no resources, and Envoy asks without needing any. */
export function absorb(session: Session, request: DiscoveryRequest, catalog: Catalog): Absorbed {
  const type = request.typeUrl
  if (!isTypeUrl(type)) return { session, rejected: undefined }
  const state = session.types[type]
  if (state === undefined) {
    const opened = handshake(session, type, request, catalog)
    const types = { ...session.types, [type]: opened }
    return { session: { ...session, types, warming: stillWarming(session, opened, request) }, rejected: undefined }
  }
  const answered = answer(session, state, request)
  const asked = changeInterest(answered.state, type, request, catalog, session.scope)
  const types = { ...session.types, [type]: asked }
  return { session: { ...answered.session, types }, rejected: answered.rejected }
}

/**
 * "The reconnecting client must provide the server with all resource names it is interested in": compared by content.
 */
function handshake(session: Session, type: TypeUrl, request: DiscoveryRequest, catalog: Catalog): TypeState {
  const subscription = firstSubscription(type, request)
  const owed = new Map<string, Held>()
  const leaving = new Map<string, Version>()
  const told = subscription.wildcard ? request.initialVersions.keys() : []
  const own = subscription.wildcard ? catalog.names(session.scope, type) : []
  for (const name of new Set([...own, ...subscription.names, ...told])) {
    const has = request.initialVersions.get(name)
    const is = catalog.current(session.scope, type, name)
    if (is === undefined && has !== undefined) leaving.set(name, has)
    else if (is === undefined || is.version !== has) owed.set(name, has)
  }
  return {
    subscription,
    owed: owed.size > 0 ? owed : NOTHING_OWED,
    holds: catalog.revision,
    leaving: leaving.size > 0 ? leaving : NO_VERSIONS,
    refused: NO_VERSIONS,
    inFlight: undefined,
    lastNonce: '',
    batch: Number.POSITIVE_INFINITY,
  }
}

/**
 * A client that names endpoints but holds none of a name has a cluster that waits for them, perhaps from an earlier
 * stream.
 */
function stillWarming({ warming }: Session, { subscription }: TypeState, request: DiscoveryRequest): NameSet {
  if (request.typeUrl !== TypeUrl.loadAssignment) return warming
  const cold = subscription.names.difference(request.initialVersions)
  return cold.size === 0 ? warming : warming.union(cold)
}

interface Answered extends Absorbed {
  readonly state: TypeState
}

/**
 * ACK or NACK frees the lane. A stale nonce answers nothing; "the server must honor changes to the subscription" all
 * the same.
 */
function answer(session: Session, state: TypeState, request: DiscoveryRequest): Answered {
  const response = state.inFlight
  if (response === undefined || request.nonce !== response.nonce) return { session, state, rejected: undefined }
  const free: TypeState = { ...state, inFlight: undefined }
  const heard: Session = { ...session, heard: true }
  if (request.error !== undefined) return nack(heard, free, response, request.error)
  const told = [...response.resources.map(one => one.name), ...response.removed]
  const batch = free.owed.size === 0 ? Number.POSITIVE_INFINITY : 2 * free.batch
  return {
    session: warmed(heard, response, free, false),
    state: { ...free, refused: without(free.refused, told), batch },
    rejected: undefined,
  }
}

/**
 * A client rejects a response as a whole and need not say why. So one of many resources is found by halves, and
 * meanwhile the others get through; one that stands alone is refused, reported, and not sent again.
 */
function nack(session: Session, state: TypeState, response: Response, message: string): Answered {
  const { type, resources, removed } = response
  const names = resources.map(one => one.name)
  const wanted = resources.filter(one => covers(state.subscription, one.name))
  if (names.length > 1) {
    const again = new Map([...state.owed, ...wanted.map(one => [one.name, ASKED] as const)])
    return { session, state: { ...state, owed: again, batch: Math.floor(names.length / 2) }, rejected: undefined }
  }
  const refused = new Map([...state.refused, ...wanted.map(one => [one.name, one.version] as const)])
  const versions = resources.map(one => one.version)
  const from = distinct(resources.flatMap(one => one.from))
  const batch = state.owed.size === 0 ? Number.POSITIVE_INFINITY : state.batch
  return {
    session: warmed(session, response, state, true),
    state: { ...state, refused, batch },
    rejected: { type, names: names.length > 0 ? names : removed, versions, message, from },
  }
}

/**
 * A cluster waits no longer once its endpoints are in, unless they are owed again, or once one of the two is refused.
 */
function warmed(session: Session, response: Response, state: TypeState, refused: boolean): Session {
  const ends = response.type === TypeUrl.loadAssignment || (refused && response.type === TypeUrl.cluster)
  if (!ends || session.warming.size === 0) return session
  const names = response.resources.map(one => one.name).filter(name => !state.owed.has(name))
  return { ...session, warming: session.warming.difference(new Set(names)) }
}

function changeInterest(
  state: TypeState,
  type: TypeUrl,
  request: DiscoveryRequest,
  catalog: Catalog,
  scope: WorkloadKey,
): TypeState {
  if (request.subscribe.length === 0 && request.unsubscribe.length === 0) return state
  const change = interest(state.subscription, request)
  const { subscription } = change
  const everything = change.askedAll ? catalog.names(scope, type) : []
  const owed = new Map(state.owed)
  for (const name of [...change.asked, ...everything]) owed.set(name, ASKED)
  const dropped = new Set(change.dropped)
  if (change.droppedAll) {
    for (const name of [...owed.keys(), ...state.leaving.keys(), ...state.refused.keys()]) {
      if (!covers(subscription, name)) dropped.add(name)
    }
  }
  return {
    ...state,
    subscription,
    owed: without(owed, dropped),
    leaving: without(state.leaving, dropped),
    refused: without(state.refused, dropped),
  }
}

function without<V>(map: ReadonlyMap<string, V>, names: Iterable<string>): ReadonlyMap<string, V> {
  if (map.size === 0) return map
  const left = new Map(map)
  for (const name of names) left.delete(name)
  return left
}

function distinct(refs: readonly ObjectRef[]): readonly ObjectRef[] {
  return [...new Map(refs.map(ref => [refText(ref), ref])).values()].sort(compareRefs)
}

/** How a connected proxy stands, for people and metrics to look at. */
import type { PodKey, WorkloadKey } from '../mesh/keys.ts'
import { TypeUrl } from '../mesh/resource.ts'
import type { Catalog, Revision } from './catalog.ts'
import type { Peer } from './peer.ts'
import type { NodeInfo } from './request.ts'
import type { Rejection, Session, TypeState } from './session.ts'
import { covers } from './subscription.ts'
import { PUSH_ORDER } from './type-url.ts'

/** Who is connected. */
export interface ConnectedProxy {
  readonly node: NodeInfo
  readonly pod: PodKey
  readonly scope: WorkloadKey
  readonly peer: Peer
  /** Milliseconds since the epoch. */
  readonly connectedAt: number
}

export interface ProxyState extends ConnectedProxy {
  /** What a proxy that does not lag has. */
  readonly current: Revision
  readonly lagging: boolean
  /** In push order; only the types it asked for. */
  readonly types: readonly ProxyTypeState[]
}

export interface ProxyTypeState {
  readonly type: TypeUrl
  readonly subscribed: number
  readonly wildcard: boolean
  readonly holds: Revision
  readonly inFlight: boolean
  readonly lagging: boolean
  /** Milliseconds since the epoch; undefined before the first. */
  readonly ackedAt: number | undefined
  /** Versions it has refused that are still the current ones. */
  readonly rejections: readonly Rejection[]
}

/** What the server notes of a type besides the session. */
export interface TypeNotes {
  readonly sentAt: number
  readonly ackedAt: number | undefined
  readonly rejections: readonly Rejection[]
}

export function proxyState(
  proxy: ConnectedProxy,
  session: Session,
  notes: ReadonlyMap<TypeUrl, TypeNotes>,
  catalog: Catalog,
): ProxyState {
  const types = PUSH_ORDER.flatMap(type => {
    const state = session.types[type]
    return state === undefined ? [] : [typeState(type, state, session, notes.get(type), catalog)]
  })
  return { ...proxy, current: catalog.revision, lagging: types.some(type => type.lagging), types }
}

function typeState(
  type: TypeUrl,
  state: TypeState,
  { scope }: Session,
  notes: TypeNotes | undefined,
  catalog: Catalog,
): ProxyTypeState {
  const { subscription, holds, owed, leaving } = state
  const ofScope = subscription.wildcard ? new Set(catalog.names(scope, type)) : new Set<string>()
  const inFlight = state.inFlight !== undefined
  const changes = catalog.since(scope, type, holds)
  const untold = changes === undefined || changes.some(change => covers(subscription, change.name))
  const withdrawing = type !== TypeUrl.secret && leaving.size > 0
  return {
    type,
    subscribed: ofScope.union(subscription.names).size,
    wildcard: subscription.wildcard,
    holds,
    inFlight,
    lagging: inFlight || owed.size > 0 || withdrawing || untold,
    ackedAt: notes?.ackedAt,
    rejections: standing(notes?.rejections ?? [], state, scope, catalog),
  }
}

/** Rejections of versions that are still current: a later version has not been judged yet. */
function standing(rejections: readonly Rejection[], state: TypeState, scope: WorkloadKey, catalog: Catalog) {
  return rejections.filter(({ type, names, versions }) =>
    names.every((name, at) => {
      const version = versions[at]
      return state.refused.get(name) === version && catalog.current(scope, type, name)?.version === version
    }),
  )
}

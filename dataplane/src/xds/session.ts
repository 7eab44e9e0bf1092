/**
 * One ADS stream as a value. A session is a revision: what to send is the difference between what its client holds and
 * what is current. How it goes on is `step.ts`'s business.
 */
import type { WorkloadKey } from '../mesh/keys.ts'
import type { ObjectRef } from '../mesh/object-ref.ts'
import type { TypeUrl } from '../mesh/resource.ts'
import type { Revision } from './catalog.ts'
import { type NameSet, NO_NAMES } from './name-set.ts'
import type { DiscoveryRequest } from './request.ts'
import type { Version } from './resource.ts'
import type { Nonce, Response } from './response.ts'
import type { Subscription } from './subscription.ts'

/** To be told whatever the client holds: it asked, it waits for exactly this, or what it holds is unknown. */
export const ASKED = '*'
/** The version a client holds; undefined where it holds none. */
export type Held = Version | typeof ASKED | undefined
export const NOTHING_OWED: ReadonlyMap<string, Held> = new Map()

/** What one client and one type owe each other. */
export interface TypeState {
  readonly subscription: Subscription
  /** To be told: name → what the client holds of it. Nearly always empty. */
  readonly owed: ReadonlyMap<string, Held>
  /** The client has, for every other name it subscribes to, the version as of this revision. */
  readonly holds: Revision
  /** Gone from the catalog, still with the client: name → the version it has. */
  readonly leaving: ReadonlyMap<string, Version>
  /** Versions this client has rejected. They are not offered again. */
  readonly refused: ReadonlyMap<string, Version>
  /** At most one response per type is unacknowledged. */
  readonly inFlight: Response | undefined
  readonly lastNonce: Nonce
  /** The most resources put in one response; smaller while a rejected one is searched for the resource at fault. */
  readonly batch: number
}

export interface Session {
  readonly scope: WorkloadKey
  readonly types: Readonly<Partial<Record<TypeUrl, TypeState>>>
  /** Clusters told to the client that take no traffic until their endpoints follow. */
  readonly warming: NameSet
  /** The client has answered once, so all its first requests are in: it writes those before it reads. */
  readonly heard: boolean
}

export type SessionEvent =
  | { readonly kind: 'request'; readonly request: DiscoveryRequest }
  /** The catalog has moved on, or the stream can take more. */
  | { readonly kind: 'revision' }
  /** The client had its time to ask for the endpoints of its clusters. */
  | { readonly kind: 'overdue' }

/** A version the client refused, and whose objects it speaks of. */
export interface Rejection {
  readonly type: TypeUrl
  readonly names: readonly string[]
  readonly versions: readonly Version[]
  readonly message: string
  readonly from: readonly ObjectRef[]
}

export interface Step {
  readonly session: Session
  readonly send: readonly Response[]
  readonly rejected: Rejection | undefined
  /** Listeners and routes wait for the client to ask for its clusters' endpoints, or to acknowledge them. */
  readonly waits: boolean
  /** The difference can no longer be told; the handshake of a new stream computes it exactly. */
  readonly end: boolean
}

export function openSession(scope: WorkloadKey): Session {
  return { scope, types: {}, warming: NO_NAMES, heard: false }
}

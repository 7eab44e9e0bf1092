/**
 * What of the mesh ends when, and whether somebody has seen to it: judged here, so that whoever asks only shows it.
 * Public facts alone; knows no key.
 */
import type { SpiffeId } from '@smi-mesh/dataplane/mesh'
import type { RootView } from './authority.ts'

/** What the issuer knows of an identity that is in use. */
export interface LeafView {
  readonly identity: SpiffeId
  /** Undefined while none could be issued. */
  readonly validity: { readonly notBefore: number; readonly notAfter: number } | undefined
}

/**
 * `renewing`: its follower is in the bundle. `retiring`: it has been followed. `overdue`: a third of its life is left at the
 * most, and nothing follows it. `missing`: an identity is in use, and no certificate could be issued.
 */
export type ExpiryState = 'valid' | 'renewing' | 'retiring' | 'overdue' | 'expired' | 'missing'

/** One certificate, or the lack of one. Times are in ISO 8601, and left out where there is no certificate. */
export interface Expiry {
  readonly kind: 'root' | 'control plane' | 'workload'
  /** The id of a root, or an identity. */
  readonly name: string
  /** Of roots alone. */
  readonly role?: RootView['role']
  readonly issued?: string
  readonly expires?: string
  readonly state: ExpiryState
}

export interface ExpiryScenery {
  readonly roots: readonly RootView[]
  readonly leaves: Iterable<LeafView>
  readonly controlPlane: SpiffeId
  /** How far back a leaf's first moment is dated. */
  readonly skewMs: number
  readonly now: number
}

/** What is renewed in time never has less of its life left: leaves are followed by six tenths of theirs, roots by half. */
const LEFT_AT_LEAST = 1 / 3

/** Roots first, then the control plane, then workloads by name. */
export function expiries({ roots, leaves, controlPlane, skewMs, now }: ExpiryScenery): readonly Expiry[] {
  const held = [...leaves].map(leaf => {
    const kind = leaf.identity === controlPlane ? ('control plane' as const) : ('workload' as const)
    return leafExpiry(kind, leaf, skewMs, now)
  })
  return [
    ...roots.map(root => rootExpiry(root, roots, now)),
    ...held.sort((a, b) => compare(a.kind, b.kind) || compare(a.name, b.name)),
  ]
}

function rootExpiry(root: RootView, roots: readonly RootView[], now: number): Expiry {
  const { id: name, role, since, notAfter } = root
  return { kind: 'root', name, role, ...times(since, notAfter), state: rootState(root, roots, now) }
}

function rootState(root: RootView, roots: readonly RootView[], now: number): ExpiryState {
  switch (root.role) {
    case 'retiring':
      return 'retiring'
    case 'next':
      return lifeState(root.since, root.notAfter, now)
    case 'trusted': {
      const state = lifeState(root.since, root.notAfter, now)
      const isFollowed = roots.some(other => other.role === 'trusted' && other.notAfter > root.notAfter)
      return isFollowed && state === 'overdue' ? 'renewing' : state
    }
    case 'signing': {
      const state = lifeState(root.since, root.notAfter, now)
      const follower = roots.some(({ role }) => role === 'next')
      return follower && state !== 'expired' ? 'renewing' : state
    }
  }
}

function leafExpiry(kind: Expiry['kind'], { identity, validity }: LeafView, skewMs: number, now: number): Expiry {
  if (validity === undefined) return { kind, name: identity, state: 'missing' }
  const since = validity.notBefore + skewMs
  return { kind, name: identity, ...times(since, validity.notAfter), state: lifeState(since, validity.notAfter, now) }
}

function lifeState(since: number, notAfter: number, now: number): ExpiryState {
  if (notAfter <= now) return 'expired'
  return notAfter - now <= (notAfter - since) * LEFT_AT_LEAST ? 'overdue' : 'valid'
}

function times(since: number, notAfter: number): { readonly issued: string; readonly expires: string } {
  return { issued: new Date(since).toISOString(), expires: new Date(notAfter).toISOString() }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * How roots follow each other, as a pure function of state, clock and circumstances. Knows no file, key or proxy.
 *
 * A root is `next` while it is only distributed, then `signing`, then `retiring` until the last leaf it signed has expired.
 * All of them are in the trust bundle. What makes it safe: no leaf outlives its root's `signedUntil`, which is written down
 * before the leaf is signed. So a root may be dropped after it; and once every leaf that is older than the distribution of
 * the next root has expired (`readyAt`), whoever still holds a valid leaf got it after that bundle, and holds that bundle too.
 */
import type { Root, Validity } from './certificate.ts'

/** A root and where it stands in its life. */
export type RootState =
  | { readonly role: 'next'; readonly root: Root; readonly readyAt: number }
  | { readonly role: 'signing'; readonly root: Root; readonly signedUntil: number }
  | { readonly role: 'retiring'; readonly root: Root; readonly signedUntil: number }

/** Everything an authority must remember. Exactly one root signs; at most one is next. */
export interface AuthorityState {
  readonly trustDomain: string
  /** Grows by one with every change: who writes names the revision the change is based on. */
  readonly revision: number
  readonly roots: readonly RootState[]
}

/** How long things live, in milliseconds. */
export interface Lifetimes {
  /** The longest life of a leaf. */
  readonly leafMs: number
  readonly rootMs: number
  /** How far clocks of this mesh may be apart. */
  readonly skewMs: number
}

/** What a transition may look at. */
export interface Circumstances {
  readonly now: number
  readonly lifetimes: Lifetimes
  /** Whether every connected proxy has acknowledged the bundle that this state makes. */
  readonly bundleHeld: boolean
  /** Whether somebody asked for a new root. */
  readonly requested: boolean
  readonly createRoot: (validity: Validity) => Root
}

export type Signing = Extract<RootState, { role: 'signing' }>
type Next = Extract<RootState, { role: 'next' }>

/** A root starts this much in the past, so that a clock set right after the first start does not invalidate it. */
export const ROOT_BACKDATE_MS = 86_400_000

/** The state of an authority that has just come to be. */
export function firstState(trustDomain: string, at: Omit<Circumstances, 'bundleHeld' | 'requested'>): AuthorityState {
  const root = newRoot(at)
  return { trustDomain, revision: 1, roots: [signing(root, at)] }
}

/** The state as it must be now; the same object where nothing is to be done. Safe to stop and repeat anywhere. */
export function advance(state: AuthorityState, at: Circumstances): AuthorityState {
  const current = signingOf(state)
  const next = nextOf(state)
  let roots = state.roots
  if (!validAt(current.root, at.now)) {
    // No leaf of it can be verified by anyone, so there is nothing left to be careful about.
    const successor = next !== undefined && validAt(next.root, at.now) ? next.root : newRoot(at)
    roots = promote(roots, successor, at)
  } else if (next !== undefined && !validAt(next.root, at.now)) {
    // Made while the clock was ahead. It has signed nothing, so nobody misses it.
    roots = [...roots.filter(entry => entry !== next), distributing(newRoot(at), current)]
  } else if (next === undefined && (at.requested || at.now >= halfLife(current.root))) {
    roots = [...roots, distributing(newRoot(at), current)]
  } else if (next !== undefined && maySign(next, current, at)) {
    roots = promote(roots, next.root, at)
  }
  roots = extended(
    roots.filter(entry => !spent(entry, at)),
    at,
  )
  return sameRoots(roots, state.roots) ? state : { ...state, revision: state.revision + 1, roots }
}

/** The root that signs. */
export function signingOf(state: AuthorityState): Signing {
  const found = state.roots.find(entry => entry.role === 'signing')
  if (found === undefined) throw new TypeError('An authority without a signing root.')
  return found
}

export function nextOf(state: AuthorityState): Next | undefined {
  return state.roots.find(entry => entry.role === 'next')
}

export function validAt({ notBefore, notAfter }: Validity, now: number): boolean {
  return notBefore <= now && now < notAfter
}

/**
 * Time is what makes it safe; the acknowledgements guard against a clock that runs ahead. A root that can no longer cover
 * a whole leaf is followed even if some proxy does not answer: better one proxy than all.
 */
function maySign(next: Next, current: Signing, at: Circumstances): boolean {
  const overdue = at.now >= current.root.notAfter - 2 * at.lifetimes.leafMs
  return overdue || (at.now >= next.readyAt && at.bundleHeld)
}

function distributing(root: Root, current: Signing): Next {
  return { role: 'next', root, readyAt: current.signedUntil }
}

function signing(root: Root, at: Pick<Circumstances, 'now' | 'lifetimes'>): Signing {
  return { role: 'signing', root, signedUntil: horizon(root, at) }
}

function promote(roots: readonly RootState[], successor: Root, at: Circumstances): readonly RootState[] {
  const others = roots.filter(entry => entry.role !== 'next')
  const retired = others.map(entry => (entry.role === 'signing' ? { ...entry, role: 'retiring' as const } : entry))
  return [...retired, signing(successor, at)]
}

/** Dropped once nothing it signed can be valid any more, on any clock of the mesh. */
function spent(entry: RootState, { now, lifetimes }: Circumstances): boolean {
  return entry.role === 'retiring' && now >= Math.min(entry.signedUntil, entry.root.notAfter) + lifetimes.skewMs
}

/** Moves the end of what may be signed ahead, a quarter of a leaf's life at a time: seldom, and before it is needed. */
function extended(roots: readonly RootState[], at: Circumstances): readonly RootState[] {
  return roots.map(entry => {
    if (entry.role !== 'signing') return entry
    const needed = Math.min(at.now + at.lifetimes.leafMs, entry.root.notAfter)
    return entry.signedUntil >= needed ? entry : signing(entry.root, at)
  })
}

function horizon(root: Root, { now, lifetimes }: Pick<Circumstances, 'now' | 'lifetimes'>): number {
  return Math.min(now + 1.25 * lifetimes.leafMs, root.notAfter)
}

function halfLife({ notBefore, notAfter }: Validity): number {
  return (notBefore + ROOT_BACKDATE_MS + notAfter) / 2
}

function newRoot({ now, lifetimes, createRoot }: Pick<Circumstances, 'now' | 'lifetimes' | 'createRoot'>): Root {
  return createRoot({ notBefore: now - ROOT_BACKDATE_MS, notAfter: now + lifetimes.rootMs })
}

function sameRoots(a: readonly RootState[], b: readonly RootState[]): boolean {
  return a.length === b.length && a.every((entry, i) => entry === b[i])
}

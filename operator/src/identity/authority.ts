/**
 * The certificate authority of a trust domain: signs leaves, and changes its root without anyone noticing.
 * Knows roots and their state; does not know who holds a leaf, nor when one must be renewed.
 */
import type { IdentityCertificate, SpiffeId, TrustBundle } from '@smi-mesh/dataplane/mesh'
import { parseSpiffeId } from '@smi-mesh/dataplane/mesh'
import { MeshError, meshError } from '../mesh-error.ts'
import { createLeaf, createRoot, type Signer, signerOf } from './certificate.ts'
import {
  type AuthorityState,
  advance,
  firstState,
  type Lifetimes,
  nextOf,
  ROOT_BACKDATE_MS,
  type RootState,
  signingOf,
  validAt,
} from './rotation.ts'
import type { AuthorityStore } from './store.ts'

export interface AuthorityOptions {
  readonly trustDomain: string
  readonly store: AuthorityStore
  /** Wall clock. */
  readonly now: () => number
  /** The life of a leaf. */
  readonly leafMs?: number
  readonly rootMs?: number
  readonly skewMs?: number
  /** Whether this process is the one that writes; where it is not, it takes up what the one that does has written. */
  readonly leads?: () => boolean
}

/** What may be known of a root by anyone. */
export interface RootView {
  readonly id: string
  /** `trusted`: provided by others, and none of ours to replace. */
  readonly role: RootState['role'] | 'trusted'
  /** When it came to be. Its certificate is dated back from there. */
  readonly since: number
  readonly notAfter: number
}

export interface Signed {
  readonly certificate: IdentityCertificate
  /** The id of the root that signed. */
  readonly root: string
}

const HOUR_MS = 3_600_000
export const DEFAULT_LIFETIMES: Lifetimes = { leafMs: 24 * HOUR_MS, rootMs: 365 * 24 * HOUR_MS, skewMs: HOUR_MS / 4 }
/** A whole rotation takes about three lives of a leaf and begins at half the root's life. */
const LEAF_LIVES_PER_ROOT = 10
const SHORTEST_LEAF_MS = 10_000

/** Whoever signs for a mesh: an authority that keeps its own roots, or one that is provided. */
export type Signatory = Pick<
  Authority,
  'trustDomain' | 'lifetimes' | 'bundle' | 'roots' | 'trusted' | 'issue' | 'advance' | 'follow'
>

export class Authority {
  readonly trustDomain: string
  readonly lifetimes: Lifetimes
  readonly #store: AuthorityStore
  readonly #now: () => number
  readonly #leads: () => boolean
  readonly #followers = new Set<() => void>()
  #state: AuthorityState
  #signer: Signer
  #bundle: TrustBundle
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(options: AuthorityOptions, lifetimes: Lifetimes, state: AuthorityState) {
    this.trustDomain = options.trustDomain
    this.lifetimes = lifetimes
    this.#store = options.store
    this.#now = options.now
    this.#leads = options.leads ?? (() => true)
    this.#state = state
    this.#signer = signerOf(signingOf(state).root)
    this.#bundle = bundleOf(state)
  }

  /** Takes up the state that was kept; makes a first root only where there never was one. */
  static async open(options: AuthorityOptions): Promise<Authority> {
    const lifetimes = lifetimesOf(options)
    const authority = new Authority(options, lifetimes, await loadOrCreate(options, lifetimes))
    await authority.advance(false)
    return authority
  }

  /** What every proxy must accept: all roots, the coming and the going ones too. */
  bundle(): TrustBundle {
    return this.#bundle
  }

  /** Sorted by expiry. */
  roots(): readonly RootView[] {
    return this.#state.roots
      .map(({ role, root }) => ({
        id: root.id,
        role,
        since: root.notBefore + ROOT_BACKDATE_MS,
        notAfter: root.notAfter,
      }))
      .toSorted((a, b) => a.notAfter - b.notAfter)
  }

  /** The certificate of a root in the bundle that is valid at this moment. */
  trusted(id: string): string | undefined {
    const entry = this.#state.roots.find(({ root }) => root.id === id)
    return entry !== undefined && validAt(entry.root, this.#now()) ? entry.root.certificate : undefined
  }

  /** Signs a leaf with a new key. It never outlives its root, nor the time up to which state says that leaves may live. */
  issue(identity: SpiffeId, dnsNames: readonly string[] = []): Signed {
    refuseForeign(identity, this.trustDomain)
    const now = this.#now()
    const { root, signedUntil } = signingOf(this.#state)
    if (!validAt(root, now)) {
      const message = `The root ${root.id} is not valid at ${new Date(now).toISOString()}; is the clock right?`
      throw new MeshError('RootUnusable', message)
    }
    const notAfter = Math.min(now + this.lifetimes.leafMs, signedUntil, root.notAfter)
    if (notAfter - now < 1000) {
      throw new MeshError(
        'SigningPaused',
        'No certificate is signed until the state of the authority could be written.',
      )
    }
    const notBefore = now - this.lifetimes.skewMs
    const certificate = createLeaf(this.#signer, identity, { notBefore, notAfter }, dnsNames)
    return { certificate, root: root.id }
  }

  /** Begins to replace the root, unless that is under way already. Resolves once the new root is in the bundle. */
  async rotate(): Promise<'begun' | 'underway'> {
    if (nextOf(this.#state) !== undefined) return 'underway'
    await this.#move(false, true)
    return 'begun'
  }

  /** Does what the clock asks for, or what whoever leads has done. Resolves to whether anything changed; rejects where the change could not be kept. */
  advance(bundleHeld: boolean): Promise<boolean> {
    return this.#move(bundleHeld, false)
  }

  /** Calls `follower` at every change, before any leaf is signed in the new state. Returns how to end that. */
  follow(follower: () => void): () => void {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  /** One change at a time: kept first, used second. */
  #move(bundleHeld: boolean, requested: boolean): Promise<boolean> {
    const moved = this.#writing.then(async () => {
      if (!this.#leads()) return await this.#takeUp()
      const circumstances = { now: this.#now(), lifetimes: this.lifetimes, bundleHeld, requested }
      const rootOf = createRoot.bind(undefined, this.trustDomain)
      const state = advance(this.#state, { ...circumstances, createRoot: rootOf })
      if (state === this.#state) return false
      await this.#keep(state)
      return true
    })
    this.#writing = moved.catch(() => undefined) // told to whoever asked; the next one tries again
    return moved
  }

  async #keep(state: AuthorityState): Promise<void> {
    try {
      await this.#store.replace(state)
    } catch (error) {
      // Somebody led before us, or thinks to lead: what is written is what counts, and the next look goes on from there.
      if (meshError(error, 'StateConflict') !== undefined) await this.#takeUp()
      throw error
    }
    this.#adopt(state)
  }

  /** What is kept now, if it is newer. Never less: state that vanished is for a person to restore, and we still have it. */
  async #takeUp(): Promise<boolean> {
    const kept = await this.#store.load()
    if (kept === undefined) {
      const message =
        'The state of the authority is gone from where it was kept; certificates are signed from memory. Restore it from a backup.'
      throw new MeshError('StateUnavailable', message)
    }
    if (kept.trustDomain !== this.trustDomain) throw foreign(kept.trustDomain, this.trustDomain)
    if (kept.revision <= this.#state.revision) return false
    this.#adopt(kept)
    return true
  }

  #adopt(state: AuthorityState): void {
    const { root } = signingOf(state)
    if (root.id !== this.#signer.id) this.#signer = signerOf(root)
    this.#state = state
    this.#bundle = bundleOf(state)
    for (const follower of this.#followers) follower()
  }
}

async function loadOrCreate({ trustDomain, store, now }: AuthorityOptions, lifetimes: Lifetimes) {
  const kept = await store.load()
  if (kept === undefined) {
    const rootOf = createRoot.bind(undefined, trustDomain)
    const first = firstState(trustDomain, { now: now(), lifetimes, createRoot: rootOf })
    if (await store.create(first)) return first
  }
  const state = kept ?? (await store.load())
  if (state === undefined)
    throw new MeshError('StateConflict', 'The state of the authority vanished while it was read.')
  if (state.trustDomain !== trustDomain) throw foreign(state.trustDomain, trustDomain)
  return state
}

function foreign(kept: string, wanted: string): MeshError {
  const message = `The authority kept here is of the trust domain ${kept}, not ${wanted}. Start with that one, or keep another state.`
  return new MeshError('StateForeign', message)
}

function bundleOf({ trustDomain, roots }: AuthorityState): TrustBundle {
  return { trustDomain, roots: roots.map(({ root }) => root.certificate).sort() }
}

export function refuseForeign(identity: SpiffeId, trustDomain: string): void {
  if (parseSpiffeId(identity)?.trustDomain === trustDomain) return
  const message = `Identity ${identity} is not of the trust domain ${trustDomain}; it gets no certificate here.`
  throw new MeshError('IdentityForeign', message)
}

/** What was asked for, completed. Throws a MeshError where it would not work out. */
export function lifetimesOf(wanted: Partial<Lifetimes>): Lifetimes {
  const lifetimes = {
    leafMs: wanted.leafMs ?? DEFAULT_LIFETIMES.leafMs,
    rootMs: wanted.rootMs ?? DEFAULT_LIFETIMES.rootMs,
    skewMs: wanted.skewMs ?? DEFAULT_LIFETIMES.skewMs,
  }
  const { leafMs, rootMs } = lifetimes
  if (leafMs < SHORTEST_LEAF_MS) {
    throw new MeshError(
      'ConfigRefused',
      `Certificates of ${leafMs} ms are too short; ask for ${SHORTEST_LEAF_MS} or more.`,
    )
  }
  if (rootMs < LEAF_LIVES_PER_ROOT * leafMs) {
    const message = `A root of ${rootMs} ms cannot be replaced in time; it must live at least ${LEAF_LIVES_PER_ROOT} times as long as a certificate (${leafMs} ms).`
    throw new MeshError('ConfigRefused', message)
  }
  return lifetimes
}

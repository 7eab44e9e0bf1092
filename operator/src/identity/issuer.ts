/**
 * Keeps every identity that is in use supplied with a valid certificate, and everyone with the roots to verify it.
 *
 * Judged by the wall clock, because that is what certificates are judged by, and looked at every few seconds at the least:
 * a machine that slept, a clock that was set, a timer too long for a computer all end in the next look. Work per look is
 * proportional to what is due. Knows no proxy and no Envoy.
 */
import type { IdentityCertificate, SpiffeId, TrustBundle } from '@smi-mesh/dataplane/mesh'
import { MeshError } from '../mesh-error.ts'
import type { Signatory, Signed } from './authority.ts'
import { signedBy } from './certificate.ts'
import { DueQueue } from './due-queue.ts'
import type { IdentityEvent, IssueReason } from './event.ts'
import type { LeafView } from './expiry.ts'
import { type Leaf, type LeafStore, noLeafStore } from './store.ts'

/** Calls back once after `ms`; the returned function cancels that. */
export type SetTimer = (callback: () => void, ms: number) => () => void

export interface IssuerOptions {
  readonly authority: Signatory
  /** What proxies are told from: certificates of the identities they have. */
  readonly certificates: { set(key: SpiffeId, value: IdentityCertificate): void; delete(key: SpiffeId): void }
  readonly bundle: { set(key: 'bundle', value: TrustBundle): void }
  /** Called after either table was written. */
  readonly onChange: () => void
  readonly onEvent: (event: IdentityEvent) => void
  /** Wall clock, in milliseconds since the epoch. */
  readonly now: () => number
  /** 0 to 1; spreads renewals. */
  readonly random: () => number
  readonly setTimer: SetTimer
  readonly store?: LeafStore
  /** Names that certificates of an identity bear for callers that are not of the mesh: none, but for a server they call. */
  readonly dnsNames?: (identity: SpiffeId) => readonly string[]
  /** Whether every connected proxy has acknowledged this bundle. Holds back a new root from signing. */
  readonly bundleHeld?: (bundle: TrustBundle) => boolean
  /** The longest time between two looks. */
  readonly watchdogMs?: number
}

interface Entry {
  leaf: Leaf | undefined
  /** Whether proxies use it, and it belongs into the table. */
  published: boolean
  readonly listeners: Set<(certificate: IdentityCertificate) => void>
  /** How often in a row issuing failed. */
  failures: number
}

const WATCHDOG_MS = 5_000
const CLOCK_STEP_MS = 1_000
/** Leaves issued in one go, before others get their turn: about 50 ms. */
const SLICE = 100
const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000
/** A leaf is renewed between this share of its life and a tenth later. */
const RENEW_AFTER = 0.5
const RENEW_SPREAD = 0.1

export class Issuer {
  readonly #options: IssuerOptions
  readonly #authority: Signatory
  readonly #store: LeafStore
  readonly #entries = new Map<SpiffeId, Entry>()
  readonly #due = new DueQueue<SpiffeId>()
  readonly #bundleListeners = new Set<(bundle: TrustBundle) => void>()
  readonly #failing = new Set<'authority' | 'leaves'>()
  #bundle: TrustBundle
  #roots = ''
  #lastLook: number
  #cancelTimer: (() => void) | undefined
  #looking: Promise<void> | undefined
  #unfollow: (() => void) | undefined

  /** Takes up the leaves that were kept and publishes the bundle; looks at no clock again before `start`. */
  constructor(options: IssuerOptions) {
    this.#options = options
    this.#authority = options.authority
    this.#store = options.store ?? noLeafStore()
    this.#lastLook = options.now()
    this.#bundle = options.authority.bundle()
    this.#takeUp()
    this.#unfollow = this.#authority.follow(() => this.#rootsChanged())
    this.#rootsChanged()
  }

  start(): void {
    this.#schedule()
  }

  /** Resolves once nothing runs any more. Proxies keep what they have. */
  async stop(): Promise<void> {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    await this.#looking
  }

  /** Makes sure, at once, that proxies of this identity have a certificate. Where that fails it is tried again. */
  ensure(identity: SpiffeId): IdentityCertificate | undefined {
    const entry = this.#entryOf(identity)
    const certificate = this.#supply(identity, entry)
    if (!entry.published) {
      entry.published = true
      if (certificate !== undefined) this.#publish(identity, certificate)
    }
    return certificate
  }

  /** Proxies of this identity are gone. Should one come back before the certificate's time is over, it gets the same. */
  release(identity: SpiffeId): void {
    const entry = this.#entries.get(identity)
    if (entry?.published !== true) return
    entry.published = false
    this.#options.certificates.delete(identity)
    this.#options.onChange()
  }

  /** Calls `listener` with the certificate of an identity, now and whenever it is renewed, whether or not proxies use it. */
  follow(identity: SpiffeId, listener: (certificate: IdentityCertificate) => void): () => void {
    const entry = this.#entryOf(identity)
    entry.listeners.add(listener)
    const held = entry.leaf?.certificate
    const supplied = this.#supply(identity, entry)
    if (supplied !== undefined && supplied === held) listener(supplied)
    return () => entry.listeners.delete(listener)
  }

  /** Calls `listener` with the roots to trust, now and at every change. */
  followBundle(listener: (bundle: TrustBundle) => void): () => void {
    this.#bundleListeners.add(listener)
    listener(this.#bundle)
    return () => this.#bundleListeners.delete(listener)
  }

  /** What is in use, for metrics. */
  *certificates(): Iterable<IdentityCertificate> {
    for (const { leaf } of this.#entries.values()) if (leaf !== undefined) yield leaf.certificate
  }

  /** Every identity that is in use, and how long what it has is valid. */
  *held(): Iterable<LeafView> {
    for (const [identity, entry] of this.#entries) {
      if (!isUsed(entry)) continue
      const certificate = entry.leaf?.certificate
      const { notBefore = 0, notAfter = 0 } = certificate ?? {}
      yield { identity, validity: certificate === undefined ? undefined : { notBefore, notAfter } }
    }
  }

  /** How many identities want a certificate and could not be given a new one. */
  failing(): number {
    let count = 0
    for (const { failures } of this.#entries.values()) if (failures > 0) count++
    return count
  }

  #takeUp(): void {
    const { leaves, damaged } = this.#store.load()
    for (const { file, reason } of damaged) this.#options.onEvent({ kind: 'leafDiscarded', what: file, reason })
    for (const leaf of leaves) {
      const { identity } = leaf.certificate
      if (this.#usable(leaf)) {
        this.#entries.set(identity, { leaf, published: false, listeners: new Set(), failures: 0 })
        this.#due.set(identity, leaf.renewAt)
      } else {
        this.#options.onEvent({ kind: 'leafDiscarded', what: identity, reason: 'it proves nothing any more' })
        this.#keep(() => this.#store.remove(identity))
      }
    }
  }

  #usable({ certificate, root }: Leaf): boolean {
    const rootCertificate = this.#authority.trusted(root)
    return (
      rootCertificate !== undefined &&
      validNow(certificate, this.#options.now()) &&
      signedBy(certificate, rootCertificate)
    )
  }

  #entryOf(identity: SpiffeId): Entry {
    const known = this.#entries.get(identity)
    if (known !== undefined) return known
    const entry: Entry = { leaf: undefined, published: false, listeners: new Set(), failures: 0 }
    this.#entries.set(identity, entry)
    return entry
  }

  /** The valid certificate of an entry; issued now if there is none and no retry is waiting for its time. */
  #supply(identity: SpiffeId, entry: Entry): IdentityCertificate | undefined {
    const leaf = entry.leaf
    if (leaf !== undefined && validNow(leaf.certificate, this.#options.now())) return leaf.certificate
    if (entry.failures === 0) this.#issue(identity, entry, leaf === undefined ? 'first' : 'replacement')
    return entry.leaf?.certificate
  }

  /** Whatever goes wrong, the identity stays in the queue: a renewal that is forgotten is an outage later. */
  #issue(identity: SpiffeId, entry: Entry, reason: IssueReason): void {
    const now = this.#options.now()
    this.#due.set(identity, now + retryMs(entry.failures + 1, this.#options.random()))
    const signed = this.#attempt(identity, entry)
    if (signed === undefined) return
    const { certificate, root } = signed
    const share = RENEW_AFTER + RENEW_SPREAD * this.#options.random()
    const renewAt = Math.ceil(now + share * (certificate.notAfter - now))
    this.#issued(identity, entry, { certificate, root, renewAt }, reason)
  }

  #attempt(identity: SpiffeId, entry: Entry): Signed | undefined {
    try {
      return this.#authority.issue(identity, this.#options.dnsNames?.(identity))
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      this.#options.onEvent({ kind: 'issueFailed', identity, first: entry.failures === 0, error })
      entry.failures++
      return undefined
    }
  }

  /** Kept before it is told: a control plane killed in between has lost nothing that a proxy holds. */
  #issued(identity: SpiffeId, entry: Entry, leaf: Leaf, reason: IssueReason): void {
    const { certificate } = leaf
    this.#keep(() => this.#store.save(leaf))
    const attempts = entry.failures
    entry.leaf = leaf
    entry.failures = 0
    this.#due.set(identity, leaf.renewAt)
    if (entry.published) this.#publish(identity, certificate)
    for (const listener of entry.listeners) listener(certificate)
    this.#options.onEvent({ kind: 'issued', identity, reason, notAfter: certificate.notAfter })
    if (attempts > 0) this.#options.onEvent({ kind: 'issueRecovered', identity, attempts })
  }

  #publish(identity: SpiffeId, certificate: IdentityCertificate): void {
    this.#options.certificates.set(identity, certificate)
    this.#options.onChange()
  }

  /** Runs before anything is signed in the new state: whoever gets such a leaf has been told of its root. */
  #rootsChanged(): void {
    const roots = this.#authority.roots()
    const text = roots.map(({ id, role, notAfter }) => `${id} ${role} ${notAfter}`).join('\n')
    if (text === this.#roots) return
    this.#roots = text
    this.#bundle = this.#authority.bundle()
    this.#options.bundle.set('bundle', this.#bundle)
    this.#options.onChange()
    for (const listener of this.#bundleListeners) listener(this.#bundle)
    this.#options.onEvent({ kind: 'rootsChanged', roots })
    this.#replaceUnproven()
  }

  /** Looks at every leaf: only when roots changed or the clock was set back. */
  #replaceUnproven(): void {
    const now = this.#options.now()
    for (const [identity, { leaf }] of this.#entries) {
      if (leaf === undefined) continue
      if (validNow(leaf.certificate, now) && this.#authority.trusted(leaf.root) !== undefined) continue
      this.#due.set(identity, now)
    }
  }

  /** One look at the clock: first the roots, then what is due. */
  async #look(): Promise<void> {
    const now = this.#options.now()
    const stepped = now - this.#lastLook
    this.#lastLook = now
    if (stepped < -CLOCK_STEP_MS) {
      this.#options.onEvent({ kind: 'clockStepped', byMs: stepped })
      this.#replaceUnproven()
    }
    const held = this.#options.bundleHeld?.(this.#bundle) ?? true
    try {
      await this.#authority.advance(held)
      this.#storeWorks('authority')
    } catch (error) {
      this.#storeFails('authority', error)
    }
    for (let i = 0; i < SLICE; i++) {
      const identity = this.#due.take(this.#options.now())
      if (identity === undefined) return
      this.#renew(identity)
    }
  }

  #renew(identity: SpiffeId): void {
    const entry = this.#entries.get(identity)
    if (entry === undefined) return
    if (isUsed(entry)) {
      const leaf = entry.leaf
      const valid = leaf !== undefined && validNow(leaf.certificate, this.#options.now())
      this.#issue(identity, entry, leaf === undefined ? 'first' : valid ? 'renewal' : 'replacement')
    } else {
      this.#entries.delete(identity)
      this.#keep(() => this.#store.remove(identity))
    }
  }

  #schedule(): void {
    if (this.#unfollow === undefined) return
    const next = this.#due.next() ?? Number.POSITIVE_INFINITY
    const wait = Math.min(this.#options.watchdogMs ?? WATCHDOG_MS, next - this.#options.now())
    this.#cancelTimer = this.#options.setTimer(
      () => {
        this.#looking = this.#look().finally(() => this.#schedule())
      },
      Math.max(0, wait),
    )
  }

  /** A leaf that could not be kept still serves; only a restart would notice. */
  #keep(work: () => void): void {
    try {
      work()
      this.#storeWorks('leaves')
    } catch (error) {
      this.#storeFails('leaves', error)
    }
  }

  #storeWorks(what: 'authority' | 'leaves'): void {
    if (this.#failing.delete(what)) this.#options.onEvent({ kind: 'storeRecovered', what })
  }

  #storeFails(what: 'authority' | 'leaves', error: unknown): void {
    if (!(error instanceof MeshError)) throw error
    const first = !this.#failing.has(what)
    this.#failing.add(what)
    this.#options.onEvent({ kind: 'storeFailed', what, first, error })
  }
}

function isUsed({ published, listeners }: Entry): boolean {
  return published || listeners.size > 0
}

function validNow({ notBefore, notAfter }: IdentityCertificate, now: number): boolean {
  return notBefore <= now && now < notAfter
}

/** Doubles from a second to a minute, less up to a quarter. */
function retryMs(failures: number, random: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS) * (1 - random / 4)
}

/**
 * Writes to each object what is to be said of it: what differs, by one replica, and never faster than an API server likes.
 * Every replica knows what it would write, so that whoever comes to lead writes the difference, all of it.
 */
import { type ObjectRef, refText } from '@smi-mesh/dataplane/mesh'
import { Backoff } from '../backoff.ts'
import type { Finding } from '../compile/index.ts'
import { meshError } from '../mesh-error.ts'
import type { Condition } from './conditions.ts'
import { says, timed, type Written, type WrittenCondition, writtenIn } from './written.ts'

/** What an object should say. */
export interface Wanted {
  readonly ref: ObjectRef
  /** The version of its API in which it was read, and in which it is written. */
  readonly apiVersion: string
  readonly generation: number
  readonly conditions: readonly Condition[]
}

export interface StatusUpdate {
  readonly ref: ObjectRef
  readonly apiVersion: string
  /** An object of the same name made anew is another one. */
  readonly uid: string
  readonly conditions: readonly WrittenCondition[]
}

export interface StatusRate {
  /** Writes to all objects together. */
  readonly perSecond: number
  /** Of these, as many may come at once. */
  readonly burst: number
  /** From an object's first difference to its writing: proxies are told first, and several changes are one write. */
  readonly settleMs: number
  /**
   * From a replica's beginning to lead to its word that no proxy refuses an object any more. Its proxies came with another replica's
   * end and are still being told, and what proxies of others refuse is yet to be read.
   */
  readonly unrefusedMs: number
  /** Between two writes to one object. */
  readonly perObjectMs: number
  readonly retryFirstMs: number
  readonly retryMostMs: number
}

export const DEFAULT_RATE: StatusRate = {
  perSecond: 20,
  burst: 40,
  settleMs: 200,
  unrefusedMs: 30_000,
  perObjectMs: 1_000,
  retryFirstMs: 500,
  retryMostMs: 60_000,
}

export type StatusEvent =
  | { readonly kind: 'written'; readonly update: StatusUpdate; readonly before: Written }
  /** `first` of several in a row for this object; of those that do not find it, the first that is no passing one. */
  | { readonly kind: 'failed'; readonly ref: ObjectRef; readonly first: boolean; readonly error: unknown }

export interface StatusWriterOptions {
  readonly write: (update: StatusUpdate, signal: AbortSignal) => Promise<void>
  readonly onEvent?: (event: StatusEvent) => void
  /** Milliseconds that never go backwards. */
  readonly now: () => number
  /** Wall clock. */
  readonly clock: () => number
  readonly random: () => number
  /** Calls back later; the result cancels. */
  readonly setTimer: (callback: () => void, ms: number) => () => void
  readonly rate?: Partial<StatusRate>
}

interface Entry {
  wanted: Wanted | undefined
  written: Written | undefined
  /** Since when it does not say what it should. */
  differsSince: number | undefined
  /** Not before. */
  notBefore: number
  backoff: Backoff | undefined
  busy: boolean
}

const IN_FLIGHT = 4
/** Attempts to write to what is not found that are nobody's business: what is watched says in a moment that it has gone. */
const PASSING = 3
const NOBODY = () => false
const REFUSED: Finding['reason'] = 'ProxyRejected'

export class StatusWriter {
  readonly #options: StatusWriterOptions
  readonly #rate: StatusRate
  readonly #entries = new Map<string, Entry>()
  /** Objects that do not say what they should, in the order in which that was found. */
  readonly #queue = new Set<string>()
  readonly #stopping = new AbortController()
  readonly #inFlight = new Set<Promise<void>>()
  #leads: () => boolean = NOBODY
  #leadsSince = 0
  #tokens: number
  #filledAt: number
  #wake: { readonly at: number; readonly cancel: () => void } | undefined

  constructor(options: StatusWriterOptions) {
    this.#options = options
    this.#rate = { ...DEFAULT_RATE, ...options.rate }
    this.#tokens = this.#rate.burst
    this.#filledAt = options.now()
  }

  /** How many objects do not say yet what they should. */
  get pending(): number {
    return this.#queue.size
  }

  /** What is to be said of an object from now on. */
  want(wanted: Wanted): void {
    const key = refText(wanted.ref)
    this.#entry(key).wanted = wanted
    this.#compare(key)
  }

  /** The object as it is now, told or seen. */
  see(ref: ObjectRef, object: unknown): void {
    const key = refText(ref)
    this.#entry(key).written = writtenIn(object)
    this.#compare(key)
  }

  /** The object is gone. */
  forget(ref: ObjectRef): void {
    const key = refText(ref)
    this.#entries.delete(key)
    this.#queue.delete(key)
  }

  /** Begins to write. `holds` is asked before each write: a process that slept may have lost what it thinks it has. */
  lead(holds: () => boolean): void {
    this.#leads = holds
    this.#leadsSince = this.#options.now()
    for (const key of this.#entries.keys()) this.#compare(key)
  }

  /** Ends to write. */
  follow(): void {
    this.#leads = NOBODY
    this.#queue.clear()
  }

  /** Resolves once nothing is written any more. */
  async stop(): Promise<void> {
    this.follow()
    this.#stopping.abort()
    this.#wake?.cancel()
    await Promise.all(this.#inFlight)
  }

  #entry(key: string): Entry {
    const found = this.#entries.get(key)
    if (found !== undefined) return found
    const made: Entry = {
      wanted: undefined,
      written: undefined,
      differsSince: undefined,
      notBefore: 0,
      backoff: undefined,
      busy: false,
    }
    this.#entries.set(key, made)
    return made
  }

  #compare(key: string): void {
    if (!this.#leads()) return
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    const differs = this.#differs(entry)
    entry.differsSince = differs ? (entry.differsSince ?? this.#options.now()) : undefined
    if (!differs || !this.#isCurrent(entry)) this.#queue.delete(key)
    else if (!this.#queue.has(key)) {
      entry.notBefore = Math.max(entry.notBefore, (entry.differsSince ?? 0) + this.#rate.settleMs)
      this.#queue.add(key)
      this.#wakeBy(entry.notBefore)
    }
  }

  #differs({ wanted, written }: Entry): boolean {
    return wanted !== undefined && written !== undefined && !says(written, wanted.conditions)
  }

  /** What was compiled from an older text than the object has now is not worth writing: better comes in a moment. */
  #isCurrent({ wanted, written }: Entry): boolean {
    return wanted !== undefined && wanted.generation === written?.generation
  }

  /** When it may be said that no proxy refuses the object any more, where that is what would be said. */
  #unrefusedAt({ wanted, written }: Entry): number {
    const before = written?.conditions.get('Programmed')
    const isCleared = wanted?.conditions.every(({ reason }) => reason !== REFUSED)
    // Of an object that was changed since, nothing stands there yet.
    const isRefused = before?.['reason'] === REFUSED && before['observedGeneration'] === wanted?.generation
    return isRefused && isCleared === true ? this.#leadsSince + this.#rate.unrefusedMs : 0
  }

  /** Only the timer is looked at: many objects at once are queued without the queue being walked for each. */
  #wakeBy(at: number): void {
    if (this.#wake !== undefined && this.#wake.at <= at) return
    this.#wake?.cancel()
    const { now, setTimer } = this.#options
    this.#wake = { at, cancel: setTimer(() => this.#pump(), Math.max(0, at - now())) }
  }

  #pump(): void {
    this.#wake?.cancel()
    this.#wake = undefined
    if (!this.#leads()) return
    const { now } = this.#options
    let soonest = Number.POSITIVE_INFINITY
    for (const key of this.#queue) {
      const entry = this.#entries.get(key)
      if (entry === undefined || entry.busy) continue
      if (this.#inFlight.size >= IN_FLIGHT) return // whoever ends calls again
      const at = Math.max(entry.notBefore, this.#unrefusedAt(entry))
      if (at > now()) {
        soonest = Math.min(soonest, at)
        continue
      }
      const waitMs = this.#takeToken()
      if (waitMs > 0) {
        soonest = Math.min(soonest, now() + waitMs)
        break
      }
      this.#queue.delete(key)
      this.#begin(key, entry)
    }
    if (Number.isFinite(soonest)) this.#wakeBy(soonest)
  }

  /** 0 where a write may begin, else how long until one may. */
  #takeToken(): number {
    const { perSecond, burst } = this.#rate
    const now = this.#options.now()
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) / 1000) * perSecond)
    this.#filledAt = now
    if (this.#tokens < 1) return ((1 - this.#tokens) / perSecond) * 1000
    this.#tokens -= 1
    return 0
  }

  #begin(key: string, entry: Entry): void {
    entry.busy = true
    entry.differsSince = undefined
    const writing = this.#write(key, entry).finally(() => {
      this.#inFlight.delete(writing)
      entry.busy = false
      entry.notBefore = Math.max(entry.notBefore, this.#options.now() + this.#rate.perObjectMs)
      if (this.#entries.get(key) === entry) this.#compare(key)
      this.#pump()
    })
    this.#inFlight.add(writing)
  }

  async #write(key: string, entry: Entry): Promise<void> {
    const { wanted, written } = entry
    if (wanted === undefined || written === undefined) return
    const { ref, apiVersion } = wanted
    const conditions = timed(wanted.conditions, written, this.#options.clock())
    try {
      const update = { ref, apiVersion, uid: written.uid, conditions }
      await this.#options.write(update, this.#stopping.signal)
      entry.backoff = undefined
      // Until the watch shows it, so that it is not written twice.
      if (entry.written === written) entry.written = { ...written, conditions: byType(conditions) }
      this.#options.onEvent?.({ kind: 'written', update, before: written })
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      // Gone, or made anew: what is watched says so in a moment.
      if (meshError(error, 'ApiNotFound') && this.#entries.get(key) !== entry) return
      this.#failed(entry, ref, error)
    }
  }

  #failed(entry: Entry, ref: ObjectRef, error: unknown): void {
    const { retryFirstMs: firstMs, retryMostMs: mostMs } = this.#rate
    entry.backoff ??= new Backoff({ firstMs, mostMs, random: this.#options.random })
    const first = entry.backoff.failures === (meshError(error, 'ApiNotFound') ? PASSING : 0)
    entry.notBefore = this.#options.now() + entry.backoff.next(error)
    this.#options.onEvent?.({ kind: 'failed', ref, first, error })
  }
}

function byType(conditions: readonly WrittenCondition[]): Written['conditions'] {
  return new Map(conditions.map(condition => [condition.type, { ...condition }]))
}

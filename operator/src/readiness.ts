/**
 * What keeps a replica from being ready, and patience with what cannot be had yet: a replica that starts while the API server
 * is away, or before its permissions are there, waits and says for what. Only what waiting cannot mend ends it.
 */
import { Backoff } from './backoff.ts'
import type { SetTimer } from './identity/index.ts'
import { MeshError, type MeshErrorCode } from './mesh-error.ts'

export interface ReadinessOptions {
  readonly random: () => number
  readonly setTimer: SetTimer
  /** Gives up waiting. */
  readonly signal: AbortSignal
  readonly onEvent: (event: WaitEvent) => void
}

/** Told when waiting begins, when its reason becomes another one, and when it is over. */
export type WaitEvent =
  | { readonly kind: 'waits'; readonly what: string; readonly error: MeshError }
  | { readonly kind: 'waited'; readonly what: string }

const FIRST_MS = 500
const MOST_MS = 10_000

/** What others may put right while we wait: the API server, permissions, a Secret half written, a clock. */
const PASSING: ReadonlySet<MeshErrorCode> = new Set([
  'ApiUnreachable',
  'ApiUnauthenticated',
  'ApiForbidden',
  'ApiTerminating',
  'ApiNotFound',
  'ApiConflict',
  'ApiGone',
  'ApiRefused',
  'ApiThrottled',
  'ApiFailed',
  'ApiUnusable',
  'StateConflict',
  'StateDamaged',
  'StateUnavailable',
  'RootUnusable',
])

export class Readiness {
  readonly #options: ReadinessOptions
  readonly #waits = new Map<string, string>()
  readonly #asked: (() => readonly string[])[] = []
  #isNeeded: () => boolean = () => false
  #serves = false
  #stopping = false

  constructor(options: ReadinessOptions) {
    this.#options = options
  }

  /** As sentences; none means ready. */
  unready(): readonly string[] {
    if (this.#stopping) return ['This replica is stopping.']
    if (this.#isNeeded()) return []
    const serving = this.#serves ? [] : ['Proxies are not served yet.']
    return [...this.#waits.values(), ...this.#asked.flatMap(ask => ask()), ...serving]
  }

  /** Something that may be unready, from now on. */
  ask(unready: () => readonly string[]): void {
    this.#asked.push(unready)
  }

  /** Counts as ready while `isNeeded`, whatever else is not: what this replica waits for needs its own answers. */
  needed(isNeeded: () => boolean): void {
    this.#isNeeded = isNeeded
  }

  /** All has begun. */
  serves(): void {
    this.#serves = true
  }

  stops(): void {
    this.#stopping = true
  }

  /**
   * Tries until it is done. Rejects with what waiting cannot mend, and with the signal's reason.
   * `what` is awaited, in words: `the authority`.
   */
  async until<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const { random, signal, onEvent } = this.#options
    const backoff = new Backoff({ firstMs: FIRST_MS, mostMs: MOST_MS, random })
    for (;;) {
      signal.throwIfAborted()
      try {
        const done = await attempt()
        if (this.#waits.delete(what)) onEvent({ kind: 'waited', what })
        return done
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof MeshError) || !PASSING.has(error.code)) throw error
        const sentence = `Waits for ${what}: ${error.message}`
        if (this.#waits.get(what) !== sentence) onEvent({ kind: 'waits', what, error })
        this.#waits.set(what, sentence)
        await this.#pause(backoff.next(error))
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    const { setTimer, signal } = this.#options
    const { promise, resolve } = Promise.withResolvers<void>()
    const over = () => resolve()
    const cancel = setTimer(over, ms)
    signal.addEventListener('abort', over, { once: true })
    await promise
    signal.removeEventListener('abort', over)
    cancel()
  }
}

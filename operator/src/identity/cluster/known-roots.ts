/**
 * Waits, at a replica's start, until the API server has been told by which roots to verify who answers it: until then no object can be
 * written that has to be converted, and whoever waits for a replica to be ready would meet that.
 */
import type { SetTimer } from '../issuer.ts'

export interface KnownRootsOptions {
  /** Asks the API server. May reject. */
  readonly isKnown: () => Promise<boolean>
  /** Whether proxies are served: before, this replica leads nobody, and may be the one that has to tell. */
  readonly serves: () => boolean
  /** Milliseconds that never go backwards. */
  readonly now: () => number
  readonly setTimer: SetTimer
}

const LOOK_MS = 300
/** From when proxies are served. Where the roots cannot be written at all, proxies are to be served all the same. */
const PATIENCE_MS = 30_000

export class KnownRoots {
  readonly #options: KnownRootsOptions
  #servesSince: number | undefined
  #isOver = false
  #cancel: () => void = () => undefined

  constructor(options: KnownRootsOptions) {
    this.#options = options
  }

  /** Looks now, and until it need not any more. */
  start(): void {
    void this.#look()
  }

  /** What is waited for, as sentences. */
  unready(): readonly string[] {
    return this.#isOver ? [] : ['The API server has not been told yet by which roots to verify the webhooks.']
  }

  stop(): void {
    this.#isOver = true
    this.#cancel()
  }

  async #look(): Promise<void> {
    const { isKnown, serves, now, setTimer } = this.#options
    const isDone = await isKnown().catch(() => false) // told by whoever cannot write them
    if (serves()) this.#servesSince ??= now()
    const isLate = this.#servesSince !== undefined && now() - this.#servesSince >= PATIENCE_MS
    if (isDone || isLate) this.#isOver = true
    if (!this.#isOver) this.#cancel = setTimer(() => void this.#look(), LOOK_MS)
  }
}

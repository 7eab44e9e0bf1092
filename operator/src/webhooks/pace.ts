/** How often each caller may do something: so many at once, and so many a second after that. Remembers a bounded number of callers. */

export interface PaceOptions {
  readonly burst: number
  readonly perSecond: number
  /** Milliseconds that never go backwards. */
  readonly now: () => number
  readonly mostCallers?: number
}

interface Bucket {
  readonly left: number
  readonly at: number
}

const MOST_CALLERS = 4_096

export class Pace {
  readonly #options: PaceOptions
  /** Who came last stands last. One who is forgotten begins anew, which is to its advantage and not to others' harm. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: PaceOptions) {
    this.#options = options
  }

  /** Whether the caller may now; asking counts. */
  allows(caller: string): boolean {
    const { burst, perSecond, now, mostCallers = MOST_CALLERS } = this.#options
    const at = now()
    const before = this.#buckets.get(caller) ?? { left: burst, at }
    const left = Math.min(burst, before.left + ((at - before.at) * perSecond) / 1_000)
    const may = left >= 1
    this.#buckets.delete(caller)
    this.#buckets.set(caller, { left: may ? left - 1 : left, at })
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > mostCallers && oldest !== undefined) this.#buckets.delete(oldest)
    return may
  }
}

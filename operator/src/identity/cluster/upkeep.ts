/**
 * Keeps things in the cluster as they should be: does what was not done yet, tries again what failed, and does everything again
 * once a minute, because somebody may have undone it. One thing at a time, by the replica that leads. Knows nothing of the things.
 */
import { MeshError } from '../../mesh-error.ts'
import type { SetTimer } from '../issuer.ts'

/** One thing to be kept. Doing it twice is as good as doing it once. */
export interface Chore {
  /** What it is about, for messages: `ConfigMap shop/smi-mesh-trust`. Told apart by it. */
  readonly what: string
  /** What it was last done for: while this is the same, there is nothing new to do. */
  readonly state: string
  readonly run: (signal: AbortSignal) => Promise<void>
}

export interface UpkeepOptions {
  /** All there is to keep now. */
  readonly chores: () => readonly Chore[]
  /** Whether this replica is the one that writes. */
  readonly leads: () => boolean
  readonly setTimer: SetTimer
  readonly onEvent: (event: UpkeepEvent) => void
}

export type UpkeepEvent =
  | { readonly kind: 'upkeepFailed'; readonly what: string; readonly first: boolean; readonly error: MeshError }
  | { readonly kind: 'upkeepRecovered'; readonly what: string }

const REPAIR_MS = 60_000
const RETRY_MS = 5_000

export class Upkeep {
  readonly #options: UpkeepOptions
  readonly #done = new Map<string, string>()
  readonly #failing = new Set<string>()
  /** What failed for which state, and is not tried for it again before the next retry. */
  readonly #resting = new Map<string, string>()
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #again = false
  #cancelRepair: (() => void) | undefined
  #cancelRetry: (() => void) | undefined

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  /** Something may have changed. */
  look(): void {
    if (this.#stopping.signal.aborted) return
    this.#again = true
    this.#cancelRepair ??= this.#options.setTimer(() => this.#repair(), REPAIR_MS)
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
      if (this.#again) this.look()
      else this.#retryLater()
    })
  }

  /** Everything is done again: somebody else led until now. */
  leading(): void {
    this.#done.clear()
    this.#resting.clear()
    this.look()
  }

  /** Resolves once nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#cancelRepair?.()
    this.#cancelRetry?.()
    await this.#running
  }

  /** By a clock of its own: where much goes on, a quiet minute never comes. */
  #repair(): void {
    this.#cancelRepair = undefined
    this.#done.clear()
    this.look()
  }

  #retryLater(): void {
    if (this.#stopping.signal.aborted || this.#resting.size === 0) return
    this.#cancelRetry ??= this.#options.setTimer(() => {
      this.#cancelRetry = undefined
      this.#resting.clear()
      this.look()
    }, RETRY_MS)
  }

  async #work(): Promise<void> {
    this.#again = false
    const { chores: all, leads } = this.#options
    if (!leads()) return
    const chores = all()
    const wanted = new Set(chores.map(({ what }) => what))
    for (const gone of [...this.#done.keys(), ...this.#failing]) if (!wanted.has(gone)) this.#forget(gone)
    for (const chore of chores) {
      if (this.#stopping.signal.aborted || this.#again || !leads()) return
      const { what, state } = chore
      if (this.#done.get(what) !== state && this.#resting.get(what) !== state) await this.#attempt(chore)
    }
  }

  #forget(what: string): void {
    this.#done.delete(what)
    this.#failing.delete(what)
    this.#resting.delete(what)
  }

  async #attempt({ what, state, run }: Chore): Promise<void> {
    const { onEvent } = this.#options
    try {
      await run(this.#stopping.signal)
      this.#done.set(what, state)
      if (this.#failing.delete(what)) onEvent({ kind: 'upkeepRecovered', what })
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      if (!(error instanceof MeshError)) throw error
      onEvent({ kind: 'upkeepFailed', what, first: !this.#failing.has(what), error })
      this.#failing.add(what)
      this.#resting.set(what, state)
    }
  }
}

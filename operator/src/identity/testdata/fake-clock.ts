/** A clock that tests move. Timers run by elapsed time; the wall clock can be set apart from them, as on a real machine. */
import type { SetTimer } from '../issuer.ts'

interface Timer {
  readonly at: number
  readonly callback: () => void
}

export class FakeClock {
  #elapsed = 0
  #wall: number
  readonly #timers = new Set<Timer>()

  constructor(wall = Date.UTC(2030, 0, 1)) {
    this.#wall = wall
  }

  readonly now = (): number => this.#wall

  readonly setTimer: SetTimer = (callback, ms) => {
    const timer = { at: this.#elapsed + ms, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Somebody set the clock, or the machine slept: no timer has run. */
  step(ms: number): void {
    this.#wall += ms
  }

  /** Time goes by: every timer runs when it should, and what it began is let finish. */
  async run(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#advanceTo(timer.at)
      this.#timers.delete(timer)
      timer.callback()
      await new Promise(setImmediate)
    }
    this.#advanceTo(end)
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer
    return first
  }

  #advanceTo(elapsed: number): void {
    this.#wall += Math.max(0, elapsed - this.#elapsed)
    this.#elapsed = Math.max(elapsed, this.#elapsed)
  }
}

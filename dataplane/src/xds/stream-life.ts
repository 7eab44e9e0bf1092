/**
 * How long a stream that a token has proved counts as proven. A token is judged when its stream begins, and may be worth nothing
 * an hour later; so streams end in time, each at a time of its own, and proxies come again with a fresh token. They are told
 * nothing anew. While tokens cannot be judged, streams go on: an API server that is away takes no configuration from anybody.
 */
import { status } from '@grpc/grpc-js'

export interface Reproof {
  /** 0 to 1; spreads the ends of streams that began together. */
  readonly random: () => number
  /** Whether a token would be judged if it came now. Never rejects. */
  readonly canReview: () => Promise<boolean>
  readonly timing?: Partial<LifeTiming>
}

export interface LifeTiming {
  /** A stream lives from half as long to so long, or until its token expires if that is earlier. */
  readonly mostMs: number
  /** But never shorter than this: a clock that is wrong, or a token that is not renewed, makes no circle of reconnecting. */
  readonly leastMs: number
  /** Until it is asked again whether tokens can be judged; up to twice as long. */
  readonly retryMs: number
}

export const DEFAULT_LIFE: LifeTiming = { mostMs: 1_800_000, leastMs: 60_000, retryMs: 15_000 }

const OVER = 'This stream has lasted as long as its token proves it; come again with a fresh one.'

/** What can be ended. */
export interface Mortal {
  end(code: status, sentence: string): void
}

export class StreamLives {
  readonly #reproof: Reproof
  readonly #timing: LifeTiming
  /** Wall clock. */
  readonly #now: () => number
  readonly #timers = new Map<Mortal, NodeJS.Timeout>()

  constructor(reproof: Reproof, now: () => number) {
    this.#reproof = reproof
    this.#timing = { ...DEFAULT_LIFE, ...reproof.timing }
    this.#now = now
  }

  /** `expiresAt` is the token's end, in milliseconds since the epoch, where it says one. */
  begin(stream: Mortal, expiresAt: number | undefined): void {
    const { mostMs, leastMs } = this.#timing
    const untilExpiry = expiresAt === undefined ? mostMs : expiresAt - this.#now()
    this.#wait(stream, Math.max(leastMs, Math.min(this.#spread(mostMs / 2), untilExpiry)))
  }

  /** The stream has ended by itself. */
  forget(stream: Mortal): void {
    clearTimeout(this.#timers.get(stream))
    this.#timers.delete(stream)
  }

  #wait(stream: Mortal, ms: number): void {
    this.#timers.set(stream, setTimeout(() => void this.#over(stream), ms).unref())
  }

  async #over(stream: Mortal): Promise<void> {
    const can = await this.#reproof.canReview()
    if (!this.#timers.has(stream)) return
    if (can) {
      this.forget(stream)
      stream.end(status.UNAVAILABLE, OVER)
    } else this.#wait(stream, this.#spread(this.#timing.retryMs))
  }

  #spread(ms: number): number {
    return ms * (1 + this.#reproof.random())
  }
}

/** How long to wait before trying again: longer each time, never longer than a limit, and not all at once. */
import { MeshError } from './mesh-error.ts'

export interface BackoffOptions {
  readonly firstMs: number
  readonly mostMs: number
  readonly random: () => number
}

export class Backoff {
  readonly #options: BackoffOptions
  #failures = 0

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures
  }

  /** Notes a failure. Half of the wait is chance, so that those who failed together do not come back together. */
  next(error?: unknown): number {
    const { firstMs, mostMs, random } = this.#options
    const most = Math.min(mostMs, firstMs * 2 ** Math.min(this.#failures, 30))
    this.#failures++
    const wait = most * (0.5 + random() / 2)
    const asked = error instanceof MeshError ? (error.retryAfterMs ?? 0) : 0
    return Math.max(wait, asked * (1 + random() / 10))
  }

  succeeded(): void {
    this.#failures = 0
  }
}

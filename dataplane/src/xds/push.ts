/**
 * Walks those who are affected by a revision without holding up the loop: in slices, each one visited once however
 * often it is added.
 */

/** Writing to a stream with TLS costs about a quarter of a millisecond, so a slice is about five. */
const SLICE = 20

export class Pusher<T> {
  readonly #visit: (one: T) => void
  readonly #slice: number
  readonly #waiting = new Set<T>()
  #next: NodeJS.Immediate | undefined

  constructor(visit: (one: T) => void, slice = SLICE) {
    this.#visit = visit
    this.#slice = slice
  }

  /** How many are still to be visited. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** The first slice is visited in the next turn of the loop, so that several revisions in one turn are one push. */
  add(many: Iterable<T>): void {
    for (const one of many) this.#waiting.add(one)
    if (this.#waiting.size > 0) this.#next ??= setImmediate(() => this.#walk())
  }

  delete(one: T): void {
    this.#waiting.delete(one)
  }

  clear(): void {
    this.#waiting.clear()
    if (this.#next !== undefined) clearImmediate(this.#next)
    this.#next = undefined
  }

  #walk(): void {
    this.#next = undefined
    let visited = 0
    for (const one of this.#waiting) {
      if (visited++ === this.#slice) break
      this.#waiting.delete(one)
      this.#visit(one)
    }
    if (this.#waiting.size > 0) this.#next ??= setImmediate(() => this.#walk())
  }
}

/** When the graph is settled and what it changed is published. */
import type { Graph, Settled } from '@smi-mesh/dataplane/derive'
import type { Committed, Serving } from '@smi-mesh/dataplane/serve'

export interface RevisionOptions {
  /** Least time between two revisions while changes keep coming, in milliseconds. The first change never waits. */
  readonly holdoffMs?: number
  readonly now?: () => number
  readonly settled?: (settled: Settled, committed: Committed, ms: number) => void
}

const HOLDOFF_MS = 50

/** When to settle: at once after a quiet time, else at most once every holdoff. Nothing before the source has synced. */
export class Revisions {
  readonly #graph: Graph
  readonly #serving: Serving
  readonly #options: RevisionOptions
  readonly #now: () => number
  #started = false
  #last = Number.NEGATIVE_INFINITY
  #waiting: NodeJS.Timeout | undefined

  constructor(graph: Graph, serving: Serving, options: RevisionOptions) {
    this.#graph = graph
    this.#serving = serving
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  start(): void {
    this.#started = true
    this.now()
  }

  stop(): void {
    this.#started = false
    clearTimeout(this.#waiting)
    this.#waiting = undefined
  }

  /** Settles once the holdoff is over; many calls are one revision. */
  soon(): void {
    if (!this.#started || this.#waiting !== undefined) return
    const wait = this.#last + (this.#options.holdoffMs ?? HOLDOFF_MS) - this.#now()
    this.#waiting = setTimeout(() => this.now(), Math.max(0, wait))
  }

  now(): void {
    if (!this.#started) return
    clearTimeout(this.#waiting)
    this.#waiting = undefined
    const began = this.#now()
    const settled = this.#graph.settle()
    const committed = this.#serving.commit(settled)
    const ended = this.#now()
    // What came to nothing costs nothing: in a cluster most does, and a change that follows need not wait for it.
    if (settled.recomputed.size > 0 || committed.changed > 0) this.#last = ended
    this.#options.settled?.(settled, committed, ended - began)
  }

  /** Settles what has come and still waits. */
  pending(): void {
    if (this.#waiting !== undefined) this.now()
  }
}

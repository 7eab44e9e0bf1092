/** Bounded memory of what changed when. Each log belongs to one thing; together they stay within one budget. */

/** One committed state of a catalog: a counter local to a process. */
export type Revision = number

interface Entry {
  readonly revision: Revision
}

/** What changed about one thing, oldest first. */
export interface ChangeLog<E extends Entry> {
  /** Entries later than `revision`; undefined if some of them are forgotten. */
  since(revision: Revision): readonly E[] | undefined
  /** Whether there are none later than `revision`, for certain. */
  isQuietSince(revision: Revision): boolean
  readonly size: number
}

/** Logs that share a budget of entries: when it is spent, the oldest entry of all is forgotten. */
export class LogBook<Owner> {
  readonly #budget: number
  readonly #onForgotten: (owner: Owner) => void
  readonly #all: { readonly revision: Revision; readonly log: BoundedLog<Entry>; readonly owner: Owner }[] = []
  #start = 0
  #forgotten: Revision = 0

  /** `onForgotten` hears whose entry was forgotten. */
  constructor(budget: number, onForgotten: (owner: Owner) => void) {
    this.#budget = budget
    this.#onForgotten = onForgotten
  }

  /** A new log; it knows nothing of the time up to `from`. */
  log<E extends Entry>(from: Revision): ChangeLog<E> {
    return new BoundedLog<E>(from)
  }

  append<E extends Entry>(owner: Owner, log: ChangeLog<E>, entry: E): void {
    if (!(log instanceof BoundedLog)) throw new TypeError('This log belongs to another book.')
    log.entries.push(entry)
    this.#all.push({ revision: entry.revision, log, owner })
    while (this.#all.length - this.#start > this.#budget) this.#forgetOldest()
  }

  /** Who changed after `revision`, latest first; undefined if some of it is forgotten. */
  ownersSince(revision: Revision): readonly Owner[] | undefined {
    if (revision < this.#forgotten) return undefined
    const owners = new Set<Owner>()
    for (let at = this.#all.length - 1; at >= this.#start; at--) {
      const entry = this.#all[at]
      if (entry === undefined || entry.revision <= revision) break
      owners.add(entry.owner)
    }
    return [...owners]
  }

  #forgetOldest(): void {
    const oldest = this.#all[this.#start++]
    if (oldest === undefined) return
    this.#forgotten = oldest.revision
    oldest.log.forgetOldest()
    if (this.#start > this.#budget) {
      this.#all.splice(0, this.#start)
      this.#start = 0
    }
    this.#onForgotten(oldest.owner)
  }
}

class BoundedLog<E extends Entry> implements ChangeLog<E> {
  readonly entries: E[] = []
  #from: Revision

  constructor(from: Revision) {
    this.#from = from
  }

  get size(): number {
    return this.entries.length
  }

  since(revision: Revision): readonly E[] | undefined {
    if (revision < this.#from) return undefined
    let first = this.entries.length
    while (first > 0 && (this.entries[first - 1]?.revision ?? 0) > revision) first--
    return this.entries.slice(first)
  }

  isQuietSince(revision: Revision): boolean {
    return revision >= this.#from && (this.entries.at(-1)?.revision ?? 0) <= revision
  }

  forgetOldest(): void {
    const oldest = this.entries.shift()
    if (oldest !== undefined) this.#from = oldest.revision
  }
}

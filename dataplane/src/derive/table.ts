/** Keyed tables whose changes can be followed, and the bookkeeping of who looked at what. Knows nothing of when to recompute. */

/** A keyed table of immutable values. */
export interface Table<K, V> {
  readonly name: string
  /** Sources are 0; a derived table is deeper than all it reads, which is why no cycle can be built. */
  readonly depth: number
  get(key: K): V | undefined
  has(key: K): boolean
  keys(): Iterable<K>
  entries(): Iterable<readonly [K, V]>
  readonly size: number
}

/** Asked to look again at one of its keys. */
export interface Dependent {
  readonly depth: number
  mark(key: unknown): void
}

export type Follow<K, V> = (key: K, before: V | undefined, after: V | undefined) => void

/** One run of a computation, remembered by all it looked at until it runs again. */
export interface Look {
  readonly dependent: Dependent
  readonly key: unknown
}

/** Remembers which computations looked at which key of one table. */
export class Readers {
  readonly #lookers = new Map<unknown, Set<Look>>()

  add(at: unknown, look: Look): void {
    const looks = this.#lookers.get(at)
    if (looks === undefined) this.#lookers.set(at, new Set([look]))
    else looks.add(look)
  }

  delete(at: unknown, look: Look): void {
    const looks = this.#lookers.get(at)
    if (looks?.delete(look) === true && looks.size === 0) this.#lookers.delete(at)
  }

  /** Marks every computation that looked at `at`. */
  notify(at: unknown): void {
    for (const { dependent, key } of this.#lookers.get(at) ?? []) dependent.mark(key)
  }
}

/** What all tables share: the values, their followers and their readers. */
export abstract class BaseTable<K, V> implements Table<K, V> {
  readonly name: string
  readonly depth: number
  readonly readers = new Readers()
  readonly #values = new Map<K, V>()
  readonly #followers: Follow<K, V>[] = []
  #changed = new Set<K>()

  constructor(name: string, depth: number) {
    this.name = name
    this.depth = depth
  }

  get(key: K): V | undefined {
    return this.#values.get(key)
  }
  has(key: K): boolean {
    return this.#values.has(key)
  }
  keys(): Iterable<K> {
    return this.#values.keys()
  }
  entries(): Iterable<readonly [K, V]> {
    return this.#values.entries()
  }
  get size(): number {
    return this.#values.size
  }

  /** Calls `follow` on every change from now on. */
  follow(follow: Follow<K, V>): void {
    this.#followers.push(follow)
  }

  /** The keys written since the last call. */
  takeChanged(): ReadonlySet<K> {
    const changed = this.#changed
    this.#changed = new Set()
    return changed
  }

  /** Writes or, with undefined, removes; then tells followers and readers. */
  protected put(key: K, after: V | undefined): void {
    const before = this.#values.get(key)
    if (after === undefined) this.#values.delete(key)
    else this.#values.set(key, after)
    this.#changed.add(key)
    for (const follow of this.#followers) follow(key, before, after)
    this.readers.notify(key)
  }
}

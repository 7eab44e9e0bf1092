/** An index: for each value of some property, the keys of a table that have it. Kept with every write, so reading is O(1). */
import { BaseTable, type Table } from './table.ts'

/** A table from a property's value to the keys that have it; a value nobody has is absent. */
export interface Index<I, K> extends Table<I, ReadonlySet<K>> {
  lookup(at: I): ReadonlySet<K>
}

const NONE: ReadonlySet<never> = new Set()

export class KeyIndex<I, K, V> extends BaseTable<I, Set<K>> implements Index<I, K> {
  readonly #keysOf: (value: V, key: K) => Iterable<I>

  constructor(name: string, of: BaseTable<K, V>, keysOf: (value: V, key: K) => Iterable<I>) {
    super(name, of.depth)
    this.#keysOf = keysOf
    of.follow((key, before, after) => this.#move(key, before, after))
    for (const [key, value] of of.entries()) this.#move(key, undefined, value)
  }

  lookup(at: I): ReadonlySet<K> {
    return this.get(at) ?? NONE
  }

  #move(key: K, before: V | undefined, after: V | undefined): void {
    const was = new Set(before === undefined ? [] : this.#keysOf(before, key))
    const is = new Set(after === undefined ? [] : this.#keysOf(after, key))
    for (const at of was) if (!is.has(at)) this.#remove(at, key)
    // A value that stays under the same property changed nonetheless: whoever looked it up reads the value itself.
    for (const at of is) if (!was.has(at)) this.put(at, (this.get(at) ?? new Set<K>()).add(key))
  }

  #remove(at: I, key: K): void {
    const keys = this.get(at)
    if (keys === undefined) return
    keys.delete(key)
    this.put(at, keys.size === 0 ? undefined : keys)
  }
}

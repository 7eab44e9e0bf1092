/** A part of every value of a table, on its own: kept with every write, and unchanged where that part is unchanged. */
import { isDeepStrictEqual } from 'node:util'
import { BaseTable } from './table.ts'

export class View<K, V, W> extends BaseTable<K, W> {
  constructor(name: string, of: BaseTable<K, V>, part: (value: V, key: K) => W | undefined) {
    super(name, of.depth)
    const write = (key: K, value: V | undefined) => {
      const before = this.get(key)
      const after = value === undefined ? undefined : part(value, key)
      if (before !== after && !isDeepStrictEqual(before, after)) this.put(key, after)
    }
    of.follow((key, _before, after) => write(key, after))
    for (const [key, value] of of.entries()) write(key, value)
  }
}

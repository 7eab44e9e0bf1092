/**
 * The incremental engine: tables derived from tables by pure functions, re-run only where an input changed.
 *
 * Every look a computation takes is remembered; an output equal to the last one stops there. A table is deeper than all it
 * declares to read, so one pass by depth settles everything and a cycle cannot be built.
 */
import { isDeepStrictEqual } from 'node:util'
import { type Index, KeyIndex } from './key-index.ts'
import { BaseTable, type Dependent, type Look, type Readers, type Table } from './table.ts'
import { View } from './view.ts'

// biome-ignore lint/suspicious/noExplicitAny: keys stand in both positions, so only `any` bounds a table of whatever key
type AnyTable = Table<any, any>
export type Reads = Readonly<Record<string, AnyTable>>

/** How a computation sees what it declared: a table as `key → value`, an index as `value → keys`. */
export type Reader<R> = {
  readonly [N in keyof R]: R[N] extends Index<infer I, infer K>
    ? (at: I) => ReadonlySet<K>
    : R[N] extends Table<infer K, infer V>
      ? (key: K) => V | undefined
      : never
}

interface Rule<K, P, V, R extends Reads> {
  readonly name: string
  /** One computation for each key of this table. */
  readonly over: Table<K, P>
  /** All else it may look at. */
  readonly reads?: R
  readonly compute: (key: K, input: P, read: Reader<R>) => V
  readonly equal?: (a: NonNullable<V>, b: NonNullable<V>) => boolean
}

/** One settled state: a counter, what it touched and what it cost. */
export interface Settled {
  readonly revision: number
  readonly changed: <K>(table: Table<K, unknown>) => ReadonlySet<K>
  /** Computations run, by table. Nothing else is ever proportional to anything. */
  readonly recomputed: ReadonlyMap<string, number>
  /** Computations that threw: bugs of ours. Their last good output stands. */
  readonly failures: readonly { readonly table: string; readonly key: unknown; readonly error: unknown }[]
}

const NOTHING: ReadonlySet<never> = new Set()

export class Graph {
  readonly #tables: BaseTable<never, unknown>[] = []
  readonly #derived: Derivation[] = []
  #revision = 0

  /** A table that is written from outside. */
  source<K, V>(name: string, equal: (a: V, b: V) => boolean = isDeepStrictEqual): Source<K, V> {
    return this.#keep(new Source<K, V>(name, equal))
  }

  /** An index of a table by some property of its values. */
  index<I, K, V>(name: string, of: Table<K, V>, keysOf: (value: V, key: K) => Iterable<I>): Index<I, K> {
    return this.#keep(new KeyIndex<I, K, V>(name, base(of), keysOf))
  }

  /** A part of each value, for readers whom the rest does not concern. Undefined means no entry. */
  view<K, V, W>(name: string, of: Table<K, V>, part: (value: V, key: K) => W | undefined): Table<K, NonNullable<W>> {
    return this.#keep(new View<K, V, W>(name, base(of), part)) as unknown as Table<K, NonNullable<W>>
  }

  /** One output for each key of `over`; undefined means no entry. */
  derive<K, P, V, R extends Reads = Readonly<Record<never, never>>>(
    rule: Rule<K, P, V | undefined, R>,
  ): Table<K, NonNullable<V>> {
    const compute = (key: K, input: P, read: Reader<R>) => {
      const value = rule.compute(key, input, read)
      return value === undefined || value === null ? [] : [[key, value] as const]
    }
    return this.#expand({ ...rule, compute } as unknown as ExpandRule) as unknown as Table<K, NonNullable<V>>
  }

  /** Any number of outputs for each key of `over`. Two inputs must not claim the same output key. */
  expand<K, P, L, V, R extends Reads = Readonly<Record<never, never>>>(
    rule: Omit<Rule<K, P, Iterable<readonly [L, V]>, R>, 'equal'> & { readonly equal?: (a: V, b: V) => boolean },
  ): Table<L, V> {
    return this.#expand(rule as unknown as ExpandRule) as unknown as Table<L, V>
  }

  #expand(rule: ExpandRule): Derivation {
    const derived = new Derivation(rule)
    this.#derived.push(derived)
    this.#derived.sort((a, b) => a.depth - b.depth)
    return this.#keep(derived)
  }

  /** Brings every derived table up to date. Work is proportional to what changed. */
  settle(): Settled {
    const recomputed = new Map<string, number>()
    const failures: { table: string; key: unknown; error: unknown }[] = []
    for (const derived of this.#derived) {
      const runs = derived.recompute((key, error) => failures.push({ table: derived.name, key, error }))
      if (runs > 0) recomputed.set(derived.name, (recomputed.get(derived.name) ?? 0) + runs)
    }
    const changed = new Map<unknown, ReadonlySet<never>>()
    for (const table of this.#tables) {
      const keys = table.takeChanged()
      if (keys.size > 0) changed.set(table, keys)
    }
    if (changed.size > 0) this.#revision++
    return {
      revision: this.#revision,
      changed: table => changed.get(table) ?? NOTHING,
      recomputed,
      failures,
    }
  }

  #keep<T extends object>(table: T): T {
    this.#tables.push(table as unknown as BaseTable<never, unknown>)
    return table
  }
}

/** A table written from outside; writing an equal value is no change. */
export class Source<K, V> extends BaseTable<K, V> {
  readonly #equal: (a: V, b: V) => boolean

  constructor(name: string, equal: (a: V, b: V) => boolean) {
    super(name, 0)
    this.#equal = equal
  }

  set(key: K, value: V): void {
    const before = this.get(key)
    if (before === undefined || !this.#equal(before, value)) this.put(key, value)
  }

  delete(key: K): void {
    if (this.has(key)) this.put(key, undefined)
  }
}

type ExpandRule = Omit<Rule<unknown, unknown, Iterable<readonly [unknown, unknown]>, Reads>, 'equal'> & {
  readonly equal?: (a: unknown, b: unknown) => boolean
}

/** One run of a computation, and where it is remembered. */
interface Run {
  readonly look: Look
  readonly seen: (readonly [Readers, unknown])[]
}

class Derivation extends BaseTable<unknown, unknown> implements Dependent {
  readonly #rule: ExpandRule
  readonly #equal: (a: unknown, b: unknown) => boolean
  #pending = new Set<unknown>()
  readonly #runs = new Map<unknown, Run>()
  /** The run in progress; computations do not run within each other. */
  #running: Run | undefined
  readonly #read: Reader<Reads>
  readonly #outputs = new Map<unknown, ReadonlySet<unknown>>()
  readonly #owners = new Map<unknown, unknown>()

  constructor(rule: ExpandRule) {
    const reads = Object.values(rule.reads ?? {})
    super(rule.name, 1 + Math.max(rule.over.depth, ...reads.map(table => table.depth)))
    this.#rule = rule
    this.#equal = rule.equal ?? isDeepStrictEqual
    this.#read = Object.fromEntries(
      Object.entries(rule.reads ?? {}).map(([name, table]) => [name, this.#reader(base(table))]),
    )
    base(rule.over).follow(key => this.mark(key))
    for (const key of rule.over.keys()) this.mark(key)
  }

  mark(key: unknown): void {
    this.#pending.add(key)
  }

  /** Runs what is pending; returns how many computations ran. */
  recompute(failed: (key: unknown, error: unknown) => void): number {
    const keys = this.#pending
    if (keys.size === 0) return 0
    this.#pending = new Set()
    for (const key of keys) {
      try {
        this.#write(key, this.#compute(key))
      } catch (error) {
        failed(key, error)
      }
    }
    return keys.size
  }

  #compute(key: unknown): ReadonlyMap<unknown, unknown> {
    this.#forget(key)
    const input = this.#rule.over.get(key)
    if (input === undefined) return new Map()
    const run: Run = { look: { dependent: this, key }, seen: [] }
    this.#runs.set(key, run)
    this.#running = run
    return new Map(this.#rule.compute(key, input, this.#read))
  }

  #forget(key: unknown): void {
    const run = this.#runs.get(key)
    if (run === undefined) return
    for (const [readers, at] of run.seen) readers.delete(at, run.look)
    this.#runs.delete(key)
  }

  /** A look through it is remembered with the run in progress. */
  #reader(table: BaseTable<unknown, unknown>): (at: unknown) => unknown {
    return at => {
      const run = this.#running
      if (run === undefined) throw new Error(`${this.name} looked at ${table.name} outside of a computation.`)
      table.readers.add(at, run.look)
      run.seen.push([table.readers, at])
      return table instanceof KeyIndex ? table.lookup(at) : table.get(at)
    }
  }

  #write(key: unknown, outputs: ReadonlyMap<unknown, unknown>): void {
    for (const output of this.#outputs.get(key) ?? []) {
      // An output that moved to another input in the same settle is that input's now.
      if (outputs.has(output) || this.#owners.get(output) !== key) continue
      this.#owners.delete(output)
      this.put(output, undefined)
    }
    for (const [output, after] of outputs) {
      this.#owners.set(output, key)
      const before = this.get(output)
      if (before === undefined || !this.#equal(before, after)) this.put(output, after)
    }
    if (outputs.size > 0) this.#outputs.set(key, new Set(outputs.keys()))
    else this.#outputs.delete(key)
  }
}

/** Every table of a graph is one of ours; the public type hides how. */
function base<K, V>(table: Table<K, V>): BaseTable<K, V> {
  if (table instanceof BaseTable) return table as BaseTable<K, V>
  throw new TypeError(`Table ${table.name} does not belong to a graph.`)
}

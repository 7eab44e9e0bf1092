/**
 * Sets of resource names of which equal ones are one object: ten thousand replicas subscribe to the same names, and
 * those names are kept once. Sets that nobody holds any more are collected.
 */

export type NameSet = ReadonlySet<string>

export const NO_NAMES: NameSet = new Set()

const interned = new Map<string, WeakRef<NameSet>[]>()
const collected = new FinalizationRegistry<string>(forget)

/** The one set with these names. */
export function nameSet(names: Iterable<string>): NameSet {
  const set = new Set(names)
  if (set.size === 0) return NO_NAMES
  const key = fingerprint(set)
  const alike = interned.get(key) ?? []
  for (const ref of alike) {
    const known = ref.deref()
    if (known !== undefined && sameNames(known, set)) return known
  }
  interned.set(key, [...alike, new WeakRef<NameSet>(set)])
  collected.register(set, key)
  return set
}

/** The one set with these names more; the set itself where it has them all. */
export function withNames(set: NameSet, more: Iterable<string>): NameSet {
  const added = [...more].filter(name => !set.has(name))
  return added.length === 0 ? set : nameSet([...set, ...added])
}

/** The one set without these names; the set itself where it has none of them. */
export function withoutNames(set: NameSet, fewer: Iterable<string>): NameSet {
  const gone = new Set([...fewer].filter(name => set.has(name)))
  return gone.size === 0 ? set : nameSet(set.difference(gone))
}

function sameNames(a: NameSet, b: NameSet): boolean {
  return a.size === b.size && a.isSubsetOf(b)
}

/** Alike for every order of the names, so no sorting; collisions cost a comparison, not correctness. */
function fingerprint(names: NameSet): string {
  let sum = 0
  let mixed = 0
  for (const name of names) {
    let hash = 0x811c9dc5 // FNV-1a
    for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
    sum = (sum + hash) | 0
    mixed ^= Math.imul(hash, 0x9e3779b1)
  }
  return `${names.size}.${sum}.${mixed}`
}

function forget(key: string): void {
  const left = (interned.get(key) ?? []).filter(ref => ref.deref() !== undefined)
  if (left.length === 0) interned.delete(key)
  else interned.set(key, left)
}

/** The groups that a scope lists, in order: later ones win. */
import type { GroupKey } from '../mesh/resource.ts'

/** The groups that may have made a difference by coming, going or changing places. */
export function regrouped(before: readonly GroupKey[], after: readonly GroupKey[]): readonly GroupKey[] {
  const was = new Set(before)
  const is = new Set(after)
  const kept = sameList(
    before.filter(group => is.has(group)),
    after.filter(group => was.has(group)),
  )
  return [...(kept ? was.symmetricDifference(is) : was.union(is))]
}

/** Groups in order, and the place of each. */
export interface Positioned {
  readonly groups: readonly GroupKey[]
  readonly positions: ReadonlyMap<GroupKey, number>
}

export function positioned(groups: readonly GroupKey[]): Positioned {
  return { groups, positions: new Map(groups.map((group, at) => [group, at])) }
}

/** Of some groups, the one that stands last; undefined where none has a place. */
export function lastOf(groups: Iterable<GroupKey>, positions: ReadonlyMap<GroupKey, number>): GroupKey | undefined {
  let winner: GroupKey | undefined
  let best = -1
  for (const group of groups) {
    const at = positions.get(group) ?? -1
    if (at > best) [winner, best] = [group, at]
  }
  return winner
}

export function sameList(a: readonly GroupKey[], b: readonly GroupKey[]): boolean {
  return a.length === b.length && a.every((group, at) => group === b[at])
}

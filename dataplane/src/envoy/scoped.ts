/** What one workload's proxies should hold, gathered for people and golden files. Looks at every resource: not for hot paths. */
import { type EnvoyResource, type GroupKey, typeOrder, type WorkloadKey } from '../mesh/index.ts'
import type { DerivedResources } from './resources.ts'

/** By type in push order, then by name; where two groups of the scope hold one name, the later group's. */
export function scopedResources(derived: DerivedResources, workload: WorkloadKey): readonly EnvoyResource[] {
  const groups = derived.scopes.get(workload) ?? []
  const rank = new Map<GroupKey, number>(groups.map((group, at) => [group, at]))
  const found = new Map<string, EnvoyResource>()
  for (const table of derived.tables) {
    for (const [, resource] of table.entries()) {
      const key = `${typeOrder(resource.type)} ${resource.name}`
      const mine = rank.get(resource.group)
      const other = found.get(key)
      if (mine !== undefined && mine >= (other === undefined ? 0 : (rank.get(other.group) ?? 0)))
        found.set(key, resource)
    }
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, resource]) => resource)
}

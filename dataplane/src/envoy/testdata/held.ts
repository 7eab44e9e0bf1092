/** What a proxy of a workload holds, as it would after everything was sent. */
import type { EnvoyResource, TypeUrl, WorkloadKey } from '../../mesh/index.ts'
import { type JsonValue, messageJson } from '../../proto/index.ts'
import type { DerivedResources } from '../resources.ts'

export class Held {
  readonly #byName = new Map<string, EnvoyResource>()

  constructor({ tables, scopes }: DerivedResources, workload: WorkloadKey) {
    const all = tables.flatMap(table => [...table.entries()].map(([, resource]) => resource))
    for (const group of scopes.get(workload) ?? []) {
      for (const resource of all)
        if (resource.group === group) this.#byName.set(`${resource.type} ${resource.name}`, resource)
    }
  }

  names(type: TypeUrl): string[] {
    return this.all(type).map(({ name }) => name)
  }

  all(type: TypeUrl): EnvoyResource[] {
    return [...this.#byName.values()].filter(each => each.type === type).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Undefined where the workload is not told of it. */
  json(type: TypeUrl, name: string): JsonValue | undefined {
    const found = this.#byName.get(`${type} ${name}`)
    return found === undefined ? undefined : messageJson(type, found.value)
  }

  text(type: TypeUrl, name: string): string {
    return JSON.stringify(this.json(type, name)) ?? 'nothing'
  }
}

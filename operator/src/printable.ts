/** A translation as data that a person can read, in the order of names. */
import type { EnvoyResource, Mesh, WorkloadKey } from '@smi-mesh/dataplane/mesh'
import { type JsonValue, messageJson } from '@smi-mesh/dataplane/proto'
import type { Translation } from './translate.ts'

/** Every table of the mesh with its keys in order; empty tables are left out. */
export function printableMesh(mesh: Mesh): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const { config: _, ...tables } = mesh
  return Object.fromEntries(
    Object.entries(tables)
      .filter(([, table]) => table.size > 0)
      .map(([name, table]) => [name, Object.fromEntries([...table.entries()].sort())]),
  )
}

type PrintableResources = Readonly<Record<string, Readonly<Record<string, JsonValue>>>>

/** Resources by kind and name, decoded from the very bytes that proxies are sent. Secrets are as they are. */
export function printableResources(resources: Iterable<EnvoyResource>): PrintableResources {
  const kinds: Record<string, Record<string, JsonValue>> = {}
  for (const { type, name, value } of resources) {
    const kind = type.slice(type.lastIndexOf('.') + 1)
    kinds[kind] = { ...kinds[kind], [name]: messageJson(type, value) }
  }
  return kinds
}

/** What the proxies of one workload would be sent. */
export function envoyConfig(translation: Translation, workload: WorkloadKey): PrintableResources {
  return printableResources(translation.resources(workload))
}

/** A translation as data that a person can read, in the order of names. */
import type { Mesh, WorkloadKey } from '@smi-mesh/dataplane/mesh'
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

/** The resources of one workload by kind and name, decoded from the very bytes its proxies would be sent. */
export function envoyConfig(
  translation: Translation,
  workload: WorkloadKey,
): Readonly<Record<string, Readonly<Record<string, JsonValue>>>> {
  const kinds: Record<string, Record<string, JsonValue>> = {}
  for (const { type, name, value } of translation.resources(workload)) {
    const kind = type.slice(type.lastIndexOf('.') + 1)
    kinds[kind] = { ...kinds[kind], [name]: messageJson(type, value) }
  }
  return kinds
}

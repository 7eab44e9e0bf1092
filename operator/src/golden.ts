/**
 * What a golden case shows: the mesh, the status, and each workload's Envoy configuration, as YAML. Of all this only what
 * differs from the bare scene, so that a case shows one thing; the case `scene` shows everything.
 */
import { isDeepStrictEqual } from 'node:util'
import { DEFAULT_MESH_CONFIG, type MeshConfig, parseServiceKey } from '@smi-mesh/dataplane/mesh'
import { stringify } from 'yaml'
import { envoyConfig, printableMesh } from './printable.ts'
import { identify, isDocument } from './sources/index.ts'
import { statusOf } from './status/index.ts'
import { type Translation, translate } from './translate.ts'

/** Kind → name → value. */
type Tables = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** File name → text. `objects` replace those of the scene that have the same kind, namespace and name. */
export function goldenFiles(scene: readonly unknown[], objects: readonly unknown[]): ReadonlyMap<string, string> {
  const bare = objects.length === 0 ? undefined : translated(scene, [])
  const shown = translated(scene, objects)
  const files = new Map<string, string>()
  const add = (file: string, value: unknown) => {
    if (!isDeepStrictEqual(value, {}) && !isDeepStrictEqual(value, [])) files.set(file, yaml(value))
  }
  add('mesh.yaml', difference(bare === undefined ? {} : printableMesh(bare.mesh), printableMesh(shown.mesh)))
  add('status.yaml', statusOf(shown.subjects, shown.findings))
  const workloads = [...shown.mesh.workloads.keys()].sort()
  for (const workload of workloads) {
    const before = bare === undefined ? {} : envoyConfig(bare, workload)
    add(`envoy/${parseServiceKey(workload).name}.yaml`, difference(before, envoyConfig(shown, workload)))
  }
  return files
}

function translated(scene: readonly unknown[], objects: readonly unknown[]): Translation {
  const config = objects.find(isMeshConfig)
  const found = [...scene, ...objects.filter(object => !isMeshConfig(object))].map(object => {
    const identified = identify(object)
    if (identified.kind === 'object') return identified
    throw new Error(`A golden case needs whole objects: ${identified.message}`)
  })
  const byRef = new Map(found.map(one => [JSON.stringify(one.ref), one]))
  return translate([...byRef.values()], { ...DEFAULT_MESH_CONFIG, ...config?.spec })
}

/** Options of a case stand in its input: `kind: MeshConfig` with any of the mesh's settings under `spec`. */
function isMeshConfig(object: unknown): object is { readonly spec: Partial<MeshConfig> } {
  return isDocument(object) && object['kind'] === 'MeshConfig'
}

/** The entries that are not the same in both; what is no more stands as `gone`. */
function difference(before: Tables, after: Tables): Tables {
  const tables: Record<string, Record<string, unknown>> = {}
  for (const table of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const names = new Set([...Object.keys(before[table] ?? {}), ...Object.keys(after[table] ?? {})])
    for (const name of [...names].sort()) {
      const value = after[table]?.[name]
      if (isDeepStrictEqual(before[table]?.[name], value)) continue
      tables[table] = { ...tables[table], [name]: value ?? 'gone' }
    }
  }
  return tables
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 120, aliasDuplicateObjects: false })
}

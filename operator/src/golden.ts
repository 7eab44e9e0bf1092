/**
 * What a golden case shows: the mesh, the status, and each workload's Envoy configuration, as YAML. Of all this only what
 * differs from the bare scene, so that a case shows one thing; the case `scene` shows everything. Envoy resources are shown
 * by what tells them from others, with a hash of their bytes (see abbreviate.ts).
 */
import { isDeepStrictEqual } from 'node:util'
import { DEFAULT_MESH_CONFIG, type MeshConfig, parseServiceKey, type WorkloadKey } from '@smi-mesh/dataplane/mesh'
import type { JsonValue } from '@smi-mesh/dataplane/proto'
import { stringify } from 'yaml'
import { Abbreviator, shown } from './abbreviate.ts'
import { printableMesh } from './printable.ts'
import { identify, isDocument } from './sources/index.ts'
import { statusOf } from './status/index.ts'
import { type Translation, translate } from './translate.ts'

/** Kind → name → value. */
type Tables = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** File name → text. `objects` replace those of the scene that have the same kind, namespace and name. */
export function goldenFiles(scene: readonly unknown[], objects: readonly unknown[]): ReadonlyMap<string, string> {
  const bare = objects.length === 0 ? undefined : translated(scene, [])
  const compiled = translated(scene, objects)
  const files = new Map<string, string>()
  const add = (file: string, value: unknown) => {
    if (!isDeepStrictEqual(value, {}) && !isDeepStrictEqual(value, [])) files.set(file, yaml(value))
  }
  add('mesh.yaml', difference(bare === undefined ? {} : printableMesh(bare.mesh), printableMesh(compiled.mesh)))
  add('status.yaml', statusOf(compiled.subjects, compiled.findings))
  for (const [name, config] of configurations(bare, compiled)) add(`envoy/${name}.yaml`, config)
  return files
}

/** By workload. All of the scene may be referred to, and what stands in the files before. */
function configurations(bare: Translation | undefined, compiled: Translation): ReadonlyMap<string, Tables> {
  const abbreviator = new Abbreviator()
  const before = new Map<string, ReadonlyMap<string, string>>()
  for (const workload of bare === undefined ? [] : workloadsOf(bare)) {
    const resources = bare?.resources(workload).map(one => shown(one, `scene/${fileOf(workload)}`)) ?? []
    before.set(workload, new Map(resources.map(one => [`${one.kind} ${one.name}`, one.sha256])))
    for (const one of resources) abbreviator.add(one)
  }
  const files = new Map<string, Tables>()
  for (const workload of workloadsOf(compiled)) {
    const file = fileOf(workload)
    const resources = compiled.resources(workload).map(one => shown(one, file))
    const gone = new Map(before.get(workload))
    const tables: Record<string, Record<string, JsonValue>> = {}
    const put = (kind: string, name: string, value: JsonValue) => {
      tables[kind] = { ...tables[kind], [name]: value }
    }
    for (const one of resources) {
      const key = `${one.kind} ${one.name}`
      const was = gone.get(key)
      gone.delete(key)
      if (was === one.sha256) continue
      put(one.kind, one.name, abbreviator.abbreviate(one))
      abbreviator.add(one)
    }
    for (const key of gone.keys()) {
      const [kind = '', name = ''] = key.split(' ')
      put(kind, name, 'gone')
    }
    files.set(file, tables)
  }
  return files
}

function workloadsOf({ mesh }: Translation): readonly WorkloadKey[] {
  return [...mesh.workloads.keys()].sort()
}

function fileOf(workload: WorkloadKey): string {
  return parseServiceKey(workload).name
}

/** The scene with the objects of a case in it, compiled. */
export function translated(scene: readonly unknown[], objects: readonly unknown[]): Translation {
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

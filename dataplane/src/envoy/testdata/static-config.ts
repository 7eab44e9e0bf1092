/**
 * All that a proxy holds, put into one file that Envoy can judge without a control plane: what a resource refers to by
 * discovery stands in its place. (With references Envoy 1.40 crashes in `--mode validate`.)
 */
import { TypeUrl, type WorkloadKey } from '../../mesh/index.ts'
import type { JsonValue } from '../../proto/index.ts'
import type { DerivedResources } from '../resources.ts'
import { Held } from './held.ts'

type JsonObject = { [key: string]: JsonValue }

export function staticConfig(derived: DerivedResources, workload: WorkloadKey, bootstrap: JsonValue): JsonValue {
  const held = new Held(derived, workload)
  const objects = (type: TypeUrl) => held.names(type).map(name => resolved(held.json(type, name) ?? null, held))
  const { dynamic_resources: _, ...own } = object(bootstrap)
  return {
    ...own,
    static_resources: {
      clusters: objects(TypeUrl.cluster),
      listeners: objects(TypeUrl.listener),
      secrets: objects(TypeUrl.secret),
    },
  }
}

function resolved(value: JsonValue, held: Held): JsonValue {
  if (Array.isArray(value)) return value.map(each => resolved(each, held))
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).flatMap(([key, inner]): [string, JsonValue][] => {
    if (key === 'sds_config') return []
    if (key === 'rds') return [['route_config', routes(held, text(object(inner)['route_config_name']))]]
    if (key === 'type' && inner === 'EDS') return [['type', 'STATIC']]
    if (key === 'eds_cluster_config') {
      const name = text(object(inner)['service_name'] ?? value['name'])
      return [['load_assignment', held.json(TypeUrl.loadAssignment, name) ?? null]]
    }
    return [[key, resolved(inner, held)]]
  })
  return Object.fromEntries(entries)
}

function routes(held: Held, name: string): JsonObject {
  return { ...object(held.json(TypeUrl.routeConfiguration, name)), validate_clusters: true }
}

function object(value: JsonValue | undefined): JsonObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new TypeError('Not a JSON object.')
  return value
}

function text(value: JsonValue | undefined): string {
  if (typeof value !== 'string') throw new TypeError('Not a text.')
  return value
}

/**
 * The pipeline, once, for objects at hand: what `smictl translate` prints, what the golden files hold, what `can` asks.
 * It is the same compile path as that of a running control plane; only the graph is fresh.
 */
import { Graph } from '@smi-mesh/dataplane/derive'
import { deriveResources, scopedResources } from '@smi-mesh/dataplane/envoy'
import type {
  EnvoyResource,
  IdentityCertificate,
  Mesh,
  MeshConfig,
  SpiffeId,
  TrustBundle,
  WorkloadKey,
} from '@smi-mesh/dataplane/mesh'
import { compile, type Finding } from './compile/index.ts'
import { FactTables, type ObjectChange, type Subject } from './facts/index.ts'

export interface Translation {
  readonly mesh: Mesh
  /** All that is to be said about the objects, sorted by object. */
  readonly findings: readonly Finding[]
  /** The objects that can be spoken about. */
  readonly subjects: readonly Subject[]
  /** What the proxies of a workload would be given, secrets apart, sorted by type and name. */
  resources(workload: WorkloadKey): readonly EnvoyResource[]
}

export function translate(objects: readonly ObjectChange[], config: MeshConfig): Translation {
  const graph = new Graph()
  const facts = new FactTables(graph, config)
  const { mesh, findings } = compile(graph, facts, config)
  const secrets = {
    certificates: graph.source<SpiffeId, IdentityCertificate>('certificates'),
    bundle: graph.source<'bundle', TrustBundle>('bundle'),
  }
  const envoy = deriveResources(graph, mesh, secrets)
  facts.apply(objects)
  const { failures } = graph.settle()
  const [failure] = failures
  if (failure !== undefined) {
    throw new Error(`Computing ${failure.table} of ${String(failure.key)} is beyond us; please report it.`, {
      cause: failure.error,
    })
  }
  return {
    mesh,
    findings: [...findings.entries()].sort(byKey).flatMap(([, found]) => found),
    subjects: [...facts.subjects.entries()].sort(byKey).map(([, subject]) => subject),
    resources: workload => scopedResources(envoy, workload),
  }
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1
}

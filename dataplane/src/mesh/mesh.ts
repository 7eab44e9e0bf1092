/** The intermediate representation between Kubernetes and Envoy: tables of plain, immutable, printable values. */
import type { Table } from '../derive/index.ts'
import type { Endpoints } from './endpoints.ts'
import type { SpiffeId } from './identity.ts'
import type { PodKey, ServiceKey, ServicePortKey, WorkloadKey, WorkloadPortKey } from './keys.ts'
import type { Exposure, Service, ServiceRoutes } from './service.ts'
import type { Access, AccessMode, Reach, Workload } from './workload.ts'

/** Choices that hold for the whole mesh and for the life of the process. */
export interface MeshConfig {
  readonly trustDomain: string
  readonly clusterDomain: string
  /** Where a namespace says nothing. */
  readonly access: AccessMode
  /** `start`: as the SMI text says. `full`: the whole path, as Open Service Mesh did. */
  readonly pathRegex: 'start' | 'full'
  /** What becomes of a split's share whose backend has no ready endpoint: the others take it, or it fails (503). */
  readonly emptyBackends: 'skip' | 'fail'
  /** What a server answers to `%2F` or `%5C` in a path: 400, since an application that decodes it sees another path than was judged. */
  readonly escapedSlashes: 'reject' | 'keep'
  /** `dual`: proxies of pods listen on IPv6 as well, which every node's kernel must then have. */
  readonly ipFamilies: 'ipv4' | 'dual'
  /** Which pods have a proxy. `all`: every one that does not opt out. `injected`: those that bear the mark of injection. */
  readonly proxied: 'all' | 'injected'
  /** Whether a namespace joins by the label of Open Service Mesh as well, or by ours alone. */
  readonly openServiceMeshLabels: 'honour' | 'ignore'
}

export const DEFAULT_MESH_CONFIG: MeshConfig = {
  trustDomain: 'cluster.local',
  clusterDomain: 'cluster.local',
  access: 'enforce',
  pathRegex: 'start',
  emptyBackends: 'skip',
  escapedSlashes: 'reject',
  ipFamilies: 'ipv4',
  proxied: 'all',
  openServiceMeshLabels: 'honour',
}

/** The whole mesh. Tables are apart where they change apart: a new weight touches `routes` alone, a new pod `endpoints`. */
export interface Mesh {
  readonly config: MeshConfig
  readonly services: Table<ServiceKey, Service>
  readonly routes: Table<ServicePortKey, ServiceRoutes>
  readonly endpoints: Table<ServicePortKey, Endpoints>
  readonly exposure: Table<ServiceKey, Exposure>
  readonly workloads: Table<WorkloadKey, Workload>
  readonly access: Table<WorkloadPortKey, Access>
  readonly reach: Table<SpiffeId, Reach>
  /** Which workload the proxy of a pod belongs to. */
  readonly pods: Table<PodKey, WorkloadKey>
}

/** A mesh written by hand, table by table, for the tests of this folder. */
import { Graph, type Source } from '../../derive/index.ts'
import {
  type Access,
  DEFAULT_MESH_CONFIG,
  type Endpoint,
  type Endpoints,
  type Exposure,
  type IdentityCertificate,
  ip,
  type Mesh,
  type MeshConfig,
  type PodKey,
  type Protocol,
  podAddress,
  podKey,
  type Reach,
  type Route,
  type Service,
  type ServiceKey,
  type ServicePortKey,
  type ServiceRoutes,
  type SpiffeId,
  serviceKey,
  servicePortKey,
  spiffeId,
  type TrustBundle,
  type Workload,
  type WorkloadKey,
  type WorkloadPortKey,
  workloadPortKey,
} from '../../mesh/index.ts'

export const NAMESPACE = 'shop'

export function identity(account: string): SpiffeId {
  return spiffeId(DEFAULT_MESH_CONFIG.trustDomain, { namespace: NAMESPACE, serviceAccount: account })
}

export interface World {
  readonly graph: Graph
  readonly mesh: Mesh
  readonly services: Source<ServiceKey, Service>
  readonly routes: Source<ServicePortKey, ServiceRoutes>
  readonly endpoints: Source<ServicePortKey, Endpoints>
  readonly exposure: Source<ServiceKey, Exposure>
  readonly workloads: Source<WorkloadKey, Workload>
  readonly access: Source<WorkloadPortKey, Access>
  readonly reach: Source<SpiffeId, Reach>
  readonly pods: Source<PodKey, WorkloadKey>
  readonly certificates: Source<SpiffeId, IdentityCertificate>
  readonly bundle: Source<'bundle', TrustBundle>
}

export function emptyWorld(config: Partial<MeshConfig> = {}): World {
  const graph = new Graph()
  const tables = {
    services: graph.source<ServiceKey, Service>('services'),
    routes: graph.source<ServicePortKey, ServiceRoutes>('routes'),
    endpoints: graph.source<ServicePortKey, Endpoints>('endpoints'),
    exposure: graph.source<ServiceKey, Exposure>('exposure'),
    workloads: graph.source<WorkloadKey, Workload>('workloads'),
    access: graph.source<WorkloadPortKey, Access>('access'),
    reach: graph.source<SpiffeId, Reach>('reach'),
    pods: graph.source<PodKey, WorkloadKey>('pods'),
  }
  return {
    graph,
    mesh: { config: { ...DEFAULT_MESH_CONFIG, ...config }, ...tables },
    ...tables,
    certificates: graph.source('certificates'),
    bundle: graph.source('bundle'),
  }
}

export interface PodSpec {
  readonly name: string
  /** A number of its own makes it a process of this machine. */
  readonly subnet?: number
  readonly account?: string
  readonly ports?: Readonly<Record<number, Protocol>>
  readonly access?: Partial<Omit<Access, 'key'>>
}

/** A pod that is a workload of its own. */
export function addPod(world: World, spec: PodSpec): Workload {
  const key = `${NAMESPACE}/${spec.name}` as WorkloadKey
  const ports = Object.entries(spec.ports ?? {}).map(([port, protocol]) => ({ port: Number(port), protocol }))
  const workload: Workload = {
    key,
    identity: identity(spec.account ?? spec.name),
    owner: { kind: 'Deployment', namespace: NAMESPACE, name: spec.name },
    capture:
      spec.subnet === undefined
        ? { kind: 'redirect' }
        : { kind: 'loopback', subnet: spec.subnet, ip: podAddress(spec.subnet) },
    inbound: ports,
    from: [],
  }
  world.workloads.set(key, workload)
  world.pods.set(podKey(NAMESPACE, spec.name), key)
  for (const { port } of ports) {
    const portKey = workloadPortKey(key, port)
    world.access.set(portKey, { key: portKey, mode: 'enforce', unidentified: 'deny', rules: [], ...spec.access })
  }
  return workload
}

export interface ServiceSpec {
  readonly name: string
  /** Empty: headless. */
  readonly ips?: readonly string[]
  readonly port: number
  readonly protocol: Protocol
  readonly exposure?: Exposure
  readonly routes?: readonly Route[]
  readonly endpoints?: readonly Endpoint[]
}

export function addService(world: World, spec: ServiceSpec): ServicePortKey {
  const key = serviceKey(NAMESPACE, spec.name)
  const port = servicePortKey(key, spec.port)
  const endpoints = spec.endpoints ?? []
  const peers = endpoints.flatMap(({ peer }) => (peer.kind === 'mesh' ? [peer.identity] : []))
  const ref = { kind: 'Service', namespace: NAMESPACE, name: spec.name }
  world.services.set(key, {
    key,
    hosts: [spec.name, `${spec.name}.${NAMESPACE}`],
    address:
      spec.ips === undefined || spec.ips.length === 0
        ? { kind: 'headless' }
        : { kind: 'clusterIP', ips: spec.ips.map(ip) },
    ports: [{ port: spec.port, name: 'main', protocol: spec.protocol }],
    identities: [...new Set(peers)].sort(),
    from: [ref],
  })
  world.exposure.set(key, spec.exposure ?? 'open')
  world.endpoints.set(port, { key: port, endpoints })
  world.routes.set(port, { key: port, routes: spec.routes ?? [toItself(port)] })
  return port
}

export function toItself(port: ServicePortKey): Route {
  return { match: { kind: 'any' }, action: { kind: 'forward', backends: [{ backend: port, weight: 1 }] }, from: [] }
}

/** The endpoint of a meshed pod. */
export function peer(workload: Workload, port: number, address?: string): Endpoint {
  const place = workload.capture.kind === 'loopback' ? workload.capture.ip : ip(address ?? '10.0.0.1')
  return {
    ip: place,
    port,
    pod: workload.owner.name,
    peer: { kind: 'mesh', identity: workload.identity },
    owner: workload.owner,
    zone: '',
  }
}

/** The endpoint of something that no sidecar answers for. */
export function plain(address: string, port: number): Endpoint {
  return {
    ip: ip(address),
    port,
    pod: 'plain',
    peer: { kind: 'plain' },
    owner: { kind: 'Deployment', namespace: NAMESPACE, name: 'plain' },
    zone: '',
  }
}

/** What a graph of this world says of a key. */
export function allow(world: World, workload: Workload, port: number, change: Partial<Omit<Access, 'key'>>): void {
  const key = workloadPortKey(workload.key, port)
  world.access.set(key, { key, mode: 'enforce', unidentified: 'deny', rules: [], ...change })
}

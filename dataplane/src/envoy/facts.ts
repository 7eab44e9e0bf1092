/** Small tables between the mesh and the resources: each holds just what its readers need, so that other changes stop there. */
import type { Graph, Index, Table } from '../derive/index.ts'
import {
  type Capture,
  type Endpoint,
  type GroupKey,
  groupOfService,
  groupOpen,
  type Ip,
  type Mesh,
  type ObjectRef,
  parseServicePortKey,
  type Service,
  type ServiceKey,
  type ServicePort,
  type ServicePortKey,
  type ServiceRoutes,
  type SpiffeId,
  servicePortKey,
  type Workload,
  type WorkloadKey,
  type WorkloadPortKey,
  workloadPortKey,
} from '../mesh/index.ts'
import { type Peers, peersOf } from './cluster.ts'
import { outboundName, type PodTarget } from './names.ts'
import type { Gate } from './rbac.ts'

/** One port of a service with what its listeners and clusters need of the service. */
export interface OutboundPort {
  readonly key: ServicePortKey
  readonly service: ServiceKey
  readonly port: ServicePort
  readonly address: Service['address']
  readonly identities: readonly SpiffeId[]
  readonly from: readonly ObjectRef[]
}

/** Whose objects say something of a port that has these routes. */
export function authorsOf(port: OutboundPort, routes: ServiceRoutes | undefined): readonly ObjectRef[] {
  return [...port.from, ...(routes?.routes ?? []).flatMap(route => route.from)]
}

/** One pod of a headless service port. */
export interface HeadlessPod {
  readonly target: PodTarget
  readonly endpoint: Endpoint
}

/** One port of a workload's application. */
export interface GuardedPort {
  readonly workload: Workload
  readonly port: Workload['inbound'][number]
}

/** What one loopback workload must listen on for one service port. */
export interface OwnSocket {
  readonly workload: WorkloadKey
  readonly identity: SpiffeId
  readonly subnet: number
  readonly port: ServicePortKey
}

export interface Facts {
  readonly ports: Table<ServicePortKey, OutboundPort>
  /** Who is told of a service: everyone, or those who reach it. */
  readonly told: Table<ServiceKey, GroupKey>
  /** The services that the routes of a service lead to, sorted. */
  readonly companions: Table<ServiceKey, readonly ServiceKey[]>
  readonly peers: Table<ServicePortKey, Peers>
  readonly pods: Table<string, HeadlessPod>
  readonly podsAt: Index<string, string>
  readonly captures: Table<Capture['kind'], true>
  /** Under the one key `all`: the cluster IPs of services that not everyone is told of, sorted. */
  readonly restrictedIps: Table<'all', readonly Ip[]>
  readonly gates: Table<WorkloadPortKey, Gate>
  readonly guarded: Table<WorkloadPortKey, GuardedPort>
  readonly sockets: Table<string, OwnSocket>
}

export function deriveFacts(graph: Graph, mesh: Mesh): Facts {
  const ports = graph.expand({
    name: 'envoy.ports',
    over: mesh.services,
    compute: (_key, service) => outboundPorts(service),
  })
  const companions = companionsOf(graph, mesh)
  const pods = headlessPods(graph, mesh, ports)
  const captures = graph.index('envoy.captures', mesh.workloads, workload => [workload.capture.kind])
  const told = toldOf(graph, mesh, companions)
  return {
    ports,
    companions,
    told,
    restrictedIps: restrictedIps(graph, mesh, told),
    peers: graph.derive({
      name: 'envoy.peers',
      over: mesh.endpoints,
      compute: (_key, { endpoints }) => peersOf(endpoints),
    }),
    pods,
    podsAt: graph.index('envoy.podsAt', pods, addressesOf),
    captures: graph.derive({ name: 'envoy.captured', over: captures, compute: () => true as const }),
    gates: graph.derive({
      name: 'envoy.gates',
      over: mesh.access,
      compute: (_key, { mode, unidentified }): Gate => ({ mode, unidentified }),
    }),
    guarded: graph.expand({
      name: 'envoy.guarded',
      over: mesh.workloads,
      compute: (key, workload) =>
        workload.inbound.map(port => [workloadPortKey(key, port.port), { workload, port }] as const),
    }),
    sockets: ownSockets(graph, mesh, ports),
  }
}

function outboundPorts(service: Service): (readonly [ServicePortKey, OutboundPort])[] {
  const { key, address, identities, from } = service
  return service.ports.map(port => {
    const portKey = servicePortKey(key, port.port)
    return [portKey, { key: portKey, service: key, port, address, identities, from }]
  })
}

function companionsOf(graph: Graph, mesh: Mesh): Table<ServiceKey, readonly ServiceKey[]> {
  return graph.derive({
    name: 'envoy.companions',
    over: mesh.services,
    reads: { routes: mesh.routes },
    compute: (key, { ports }, read) => {
      const actions = ports.flatMap(({ port }) => read.routes(servicePortKey(key, port))?.routes ?? [])
      const backends = actions.flatMap(({ action }) => (action.kind === 'forward' ? action.backends : []))
      const services = new Set(backends.map(({ backend }) => parseServicePortKey(backend).service))
      services.delete(key)
      return [...services].sort()
    },
  })
}

/** A backend of a service that everyone knows is known to everyone too: its share of requests must lead somewhere. */
function toldOf(
  graph: Graph,
  mesh: Mesh,
  companions: Table<ServiceKey, readonly ServiceKey[]>,
): Table<ServiceKey, GroupKey> {
  const apexesOf = graph.index('envoy.apexesOf', companions, services => services)
  return graph.derive({
    name: 'envoy.told',
    over: mesh.services,
    reads: { exposure: mesh.exposure, apexesOf },
    compute: (key, _service, read) => {
      const open = (service: ServiceKey) => read.exposure(service) === 'open'
      return open(key) || [...read.apexesOf(key)].some(open) ? groupOpen() : groupOfService(key)
    },
  })
}

function restrictedIps(graph: Graph, mesh: Mesh, told: Table<ServiceKey, GroupKey>): Table<'all', readonly Ip[]> {
  const restricted = graph.derive({
    name: 'envoy.restricted',
    over: mesh.services,
    reads: { told },
    compute: (key, { address }, read) =>
      address.kind === 'clusterIP' && read.told(key) !== groupOpen() ? address.ips : undefined,
  })
  return graph.derive({
    name: 'envoy.restrictedIps',
    over: graph.index('envoy.allRestricted', restricted, () => ['all'] as const),
    reads: { restricted },
    compute: (_all, services, read) => [...services].flatMap(service => read.restricted(service) ?? []).sort(),
  })
}

function headlessPods(
  graph: Graph,
  mesh: Mesh,
  ports: Table<ServicePortKey, OutboundPort>,
): Table<string, HeadlessPod> {
  return graph.expand({
    name: 'envoy.headlessPods',
    over: mesh.endpoints,
    reads: { ports },
    compute: (key, { endpoints }, read) => {
      if (read.ports(key)?.address.kind !== 'headless') return []
      return endpoints.map(endpoint => {
        const target = { service: key, ip: endpoint.ip, port: endpoint.port }
        return [outboundName(target), { target, endpoint }] as const
      })
    },
  })
}

/** Where clients reach a pod: redirected, at its own port; on loopback, at the service's. Two Services may claim one place. */
function addressesOf({ target, endpoint }: HeadlessPod): string[] {
  return [podPlace('redirect', target), podPlace('loopback', { ...target, ip: endpoint.ip })]
}

export function podPlace(capture: Capture['kind'], target: PodTarget): string {
  const port = capture === 'redirect' ? target.port : parseServicePortKey(target.service).port
  return `${capture} ${target.ip} ${port}`
}

/** Among several services that select the same pod at the same port, the first by name answers. */
export function claims(name: string, claimants: Iterable<string>): boolean {
  for (const other of claimants) if (other < name) return false
  return true
}

function ownSockets(graph: Graph, mesh: Mesh, ports: Table<ServicePortKey, OutboundPort>): Table<string, OwnSocket> {
  const known = graph.index('envoy.knownPorts', ports, () => ['all'])
  return graph.expand({
    name: 'envoy.sockets',
    over: mesh.workloads,
    reads: { known },
    compute: (key, { capture, identity }, read) => {
      if (capture.kind !== 'loopback') return []
      const { subnet } = capture
      return [...read.known('all')].map(port => [`${key} ${port}`, { workload: key, identity, subnet, port }] as const)
    },
  })
}

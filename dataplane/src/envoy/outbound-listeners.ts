/** The derivations of the listeners that clients connect to: redirected ones by address, or sockets of a pod of its own. */
import type { Graph, Table } from '../derive/index.ts'
import {
  clusterAddressSeenBy,
  type EnvoyResource,
  type GroupKey,
  groupOfWorkload,
  groupOpen,
  groupRedirected,
  type Ip,
  loopbackPort,
  type Mesh,
  podAddressSeenBy,
  type ServicePortKey,
  type ServiceRoutes,
  subnetOf,
} from '../mesh/index.ts'
import {
  authorsOf,
  claims,
  type Facts,
  type HeadlessPod,
  type OutboundPort,
  type OwnSocket,
  podPlace,
} from './facts.ts'
import { type OutboundTarget, opaqueClusterName, outboundName } from './names.ts'
import { type ListenerPlace, type OutboundOptions, outboundListener, outboundTcpLogs } from './outbound.ts'
import { type Keyed, listenerResource, sameResource } from './resource.ts'
import { CLOSE, connectionAction, tcpFilter } from './tcp.ts'

type Resources = Table<string, EnvoyResource>

export function deriveOutboundListeners(graph: Graph, mesh: Mesh, facts: Facts, options: OutboundOptions): Resources[] {
  return [
    deriveRedirected(graph, mesh, facts, options),
    deriveRedirectedPods(graph, mesh, facts, options),
    deriveOwnSockets(graph, mesh, facts, options),
  ]
}

/** The listeners of cluster IPs, where connections are redirected to them. */
function deriveRedirected(graph: Graph, mesh: Mesh, facts: Facts, options: OutboundOptions): Resources {
  const { ports, told, captures } = facts
  return graph.expand({
    name: 'envoy.redirectedListeners',
    over: ports,
    reads: { ports, told, captures, routes: mesh.routes },
    equal: sameResource,
    compute: (key, port, read) => {
      if (port.address.kind !== 'clusterIP' || !read.captures('redirect')) return []
      const place = { ips: port.address.ips, port: port.port.port, socket: 'redirected' } as const
      return redirectedListeners({ target: { service: key }, port, place }, read, options)
    },
  })
}

/** The listeners of single pods, behind headless services. */
function deriveRedirectedPods(graph: Graph, mesh: Mesh, facts: Facts, options: OutboundOptions): Resources {
  const { pods, podsAt, ports, told, captures } = facts
  return graph.expand({
    name: 'envoy.redirectedPodListeners',
    over: pods,
    reads: { ports, podsAt, told, captures, routes: mesh.routes },
    equal: sameResource,
    compute: (name, { target }, read) => {
      const port = read.ports(target.service)
      if (port === undefined || !read.captures('redirect')) return []
      if (!claims(name, read.podsAt(podPlace('redirect', target)))) return []
      const place = { ips: [target.ip], port: target.port, socket: 'redirected' } as const
      return redirectedListeners({ target, port, place }, read, options)
    },
  })
}

interface Outbound {
  readonly target: OutboundTarget
  readonly port: OutboundPort
  readonly place: ListenerPlace
}

interface OutboundReads {
  readonly ports: (key: ServicePortKey) => OutboundPort | undefined
  readonly told: (service: OutboundPort['service']) => GroupKey | undefined
  readonly routes: (key: ServicePortKey) => ServiceRoutes | undefined
}

/** For whoever may call the service. The capture listener answers the others, except for single pods, which it cannot know. */
function redirectedListeners(outbound: Outbound, read: OutboundReads, options: OutboundOptions): Keyed[] {
  const group = read.told(outbound.port.service)
  if (group === undefined) return []
  if (group === groupOpen()) return listener(groupRedirected(), outbound, read, options)
  if (outbound.port.address.kind === 'clusterIP') return listener(group, outbound, read, options)
  if (!speaksBytes(outbound.port)) return listener(groupRedirected(), outbound, read, options)
  return [...listener(groupRedirected(), outbound, 'refused', options), ...listener(group, outbound, read, options)]
}

function listener(
  group: GroupKey,
  { target, port, place }: Outbound,
  read: OutboundReads | 'refused',
  options: OutboundOptions,
): Keyed[] {
  const protocol = port.port.protocol
  // Routes are looked at only where they are part of the listener: for HTTP a new weight must not touch it.
  const routes = read === 'refused' || !speaksBytes(port) ? undefined : read.routes(port.key)
  const opaque = () =>
    read === 'refused'
      ? CLOSE
      : tcpFilter(
          connectionAction(routes?.routes ?? []),
          backend => bytesCluster(backend === port.key ? target : { service: backend }, read.ports(backend)),
          outboundTcpLogs(options),
        )
  const message = outboundListener(outboundName(target), place, protocol, opaque, options)
  return message === undefined ? [] : [listenerResource(group, message, authorsOf(port, routes))]
}

function bytesCluster(target: OutboundTarget, port: OutboundPort | undefined): string {
  return port?.port.protocol === 'auto' ? opaqueClusterName(target) : outboundName(target)
}

/** Real sockets for pods that are processes of this machine: one for each service port and pod. */
function deriveOwnSockets(graph: Graph, mesh: Mesh, facts: Facts, options: OutboundOptions): Resources {
  const { ports, told, podsAt, sockets } = facts
  return graph.expand({
    name: 'envoy.ownListeners',
    over: sockets,
    reads: {
      ports,
      told,
      podsAt,
      routes: mesh.routes,
      endpoints: mesh.endpoints,
      reach: mesh.reach,
      companions: facts.companions,
    },
    equal: sameResource,
    compute: (_key, socket, read) => {
      const port = read.ports(socket.port)
      if (port === undefined) return []
      const reached = () => read.reach(socket.identity)?.services ?? []
      const mayKnow = () =>
        read.told(port.service) === groupOpen() ||
        reached().some(service => service === port.service || read.companions(service)?.includes(port.service))
      const reads = !speaksBytes(port) || mayKnow() ? read : 'refused'
      const found =
        port.address.kind === 'clusterIP'
          ? clusterSocket(socket, port, port.address.ips)
          : podSockets(socket, port, read.endpoints(port.key)?.endpoints ?? [], read.podsAt)
      return found.flatMap(outbound => listener(groupOfWorkload(socket.workload), outbound, reads, options))
    },
  })
}

function clusterSocket({ subnet }: OwnSocket, port: OutboundPort, clusterIps: readonly Ip[]): Outbound[] {
  const ips = clusterIps.flatMap(ip => clusterAddressSeenBy(subnet, ip) ?? [])
  const place = { ips, port: loopbackPort(port.port.port), socket: 'own' } as const
  return [{ target: { service: port.key }, port, place }]
}

function podSockets(
  { subnet }: OwnSocket,
  port: OutboundPort,
  endpoints: readonly HeadlessPod['endpoint'][],
  podsAt: (place: string) => Iterable<string>,
): Outbound[] {
  return endpoints.flatMap((endpoint): Outbound[] => {
    const target = { service: port.key, ip: endpoint.ip, port: endpoint.port }
    const pod = subnetOf(endpoint.ip)
    if (pod === undefined || !claims(outboundName(target), podsAt(podPlace('loopback', target)))) return []
    const place = { ips: [podAddressSeenBy(subnet, pod)], port: loopbackPort(port.port.port), socket: 'own' } as const
    return [{ target, port, place }]
  })
}

function speaksBytes({ port }: OutboundPort): boolean {
  return port.protocol === 'tcp' || port.protocol === 'auto'
}

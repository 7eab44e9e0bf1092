/** The derivations of what clients hold: clusters, endpoints and routes of service ports, beside their listeners. */
import type { Graph, Table } from '../derive/index.ts'
import {
  type EnvoyResource,
  groupAll,
  groupOpen,
  type Mesh,
  type Protocol,
  type ServicePortKey,
} from '../mesh/index.ts'
import { cluster, podCluster } from './cluster.ts'
import { authorsOf, type Facts, type OutboundPort } from './facts.ts'
import { loadAssignment } from './load-assignment.ts'
import { type OutboundTarget, opaqueClusterName, outboundName } from './names.ts'
import type { OutboundOptions } from './outbound.ts'
import { deriveOutboundListeners } from './outbound-listeners.ts'
import { clusterResource, type Keyed, loadAssignmentResource, routeResource, sameResource } from './resource.ts'
import { refusedRouteConfiguration, routeConfiguration } from './route.ts'

type Resources = Table<string, EnvoyResource>

export function deriveOutbound(graph: Graph, mesh: Mesh, facts: Facts, options: OutboundOptions): Resources[] {
  return [
    deriveClusters(graph, facts),
    deriveLoadAssignments(graph, mesh, facts),
    derivePodClusters(graph, facts),
    deriveRoutes(graph, mesh, facts),
    derivePodRoutes(graph, mesh, facts),
    deriveRefusals(graph, facts),
    derivePodRefusals(graph, facts),
    ...deriveOutboundListeners(graph, mesh, facts, options),
  ]
}

function deriveClusters(graph: Graph, { ports, told, peers }: Facts): Resources {
  return graph.expand({
    name: 'envoy.clusters',
    over: ports,
    reads: { told, peers },
    equal: sameResource,
    compute: (key, { service, port, identities, from }, read) => {
      const group = read.told(service)
      if (group === undefined) return []
      const common = { identities, peers: read.peers(key) ?? 'mesh', endpointsOf: outboundName({ service: key }) }
      return clustersOf({ service: key }, port.protocol, (name, protocol) =>
        clusterResource(group, cluster({ ...common, name, protocol }), from),
      )
    },
  })
}

/** A port of protocol `auto` has a cluster for HTTP and one for bytes: a peer must know which is coming. */
function clustersOf(
  target: OutboundTarget,
  protocol: Protocol,
  build: (name: string, protocol: Protocol) => Keyed,
): Keyed[] {
  const main = build(outboundName(target), protocol)
  return protocol === 'auto' ? [main, build(opaqueClusterName(target), 'tcp')] : [main]
}

function deriveLoadAssignments(graph: Graph, mesh: Mesh, { ports, told }: Facts): Resources {
  return graph.expand({
    name: 'envoy.loadAssignments',
    over: ports,
    reads: { endpoints: mesh.endpoints, told },
    equal: sameResource,
    compute: (key, { service, from }, read) => {
      const group = read.told(service)
      if (group === undefined) return []
      // Without any endpoint there is still an assignment: a cluster waits for one before it serves.
      const endpoints = read.endpoints(key)?.endpoints ?? []
      return [loadAssignmentResource(group, loadAssignment(outboundName({ service: key }), endpoints), from)]
    },
  })
}

function derivePodClusters(graph: Graph, { pods, ports, told }: Facts): Resources {
  return graph.expand({
    name: 'envoy.podClusters',
    over: pods,
    reads: { ports, told },
    equal: sameResource,
    compute: (_name, { target, endpoint }, read) => {
      const port = read.ports(target.service)
      const group = port && read.told(port.service)
      if (port === undefined || group === undefined) return []
      return clustersOf(target, port.port.protocol, (name, protocol) =>
        clusterResource(group, podCluster(name, endpoint, protocol), port.from),
      )
    },
  })
}

function deriveRoutes(graph: Graph, mesh: Mesh, { ports, told }: Facts): Resources {
  return graph.expand({
    name: 'envoy.routes',
    over: ports,
    reads: { routes: mesh.routes, told },
    equal: sameResource,
    compute: (key, port, read) => {
      const group = read.told(port.service)
      const routes = speaksHttp(port) ? read.routes(key) : undefined
      if (group === undefined || routes === undefined) return []
      const name = outboundName({ service: key })
      return [
        routeResource(
          group,
          routeConfiguration(name, routes, backend => backend),
          authorsOf(port, routes),
        ),
      ]
    },
  })
}

/** The routes of a headless port hold for each of its pods; only what was for the service itself is for that pod. */
function derivePodRoutes(graph: Graph, mesh: Mesh, { pods, ports, told }: Facts): Resources {
  return graph.expand({
    name: 'envoy.podRoutes',
    over: pods,
    reads: { ports, routes: mesh.routes, told },
    equal: sameResource,
    compute: (name, { target }, read) => {
      const port = read.ports(target.service)
      const group = port && read.told(port.service)
      const routes = port && speaksHttp(port) ? read.routes(target.service) : undefined
      if (port === undefined || group === undefined || routes === undefined) return []
      const clusterOf = (backend: ServicePortKey) => (backend === target.service ? name : backend)
      return [routeResource(group, routeConfiguration(name, routes, clusterOf), authorsOf(port, routes))]
    },
  })
}

/** What those see who are not told of a service: its name, and that it is not for them. */
function deriveRefusals(graph: Graph, { ports, told }: Facts): Resources {
  return graph.expand({
    name: 'envoy.refusals',
    over: ports,
    reads: { told },
    equal: sameResource,
    compute: (key, port, read) =>
      read.told(port.service) === groupOpen() || !speaksHttp(port)
        ? []
        : [routeResource(groupAll(), refusedRouteConfiguration(outboundName({ service: key })), port.from)],
  })
}

function derivePodRefusals(graph: Graph, { pods, ports, told }: Facts): Resources {
  return graph.expand({
    name: 'envoy.podRefusals',
    over: pods,
    reads: { ports, told },
    equal: sameResource,
    compute: (name, { target }, read) => {
      const port = read.ports(target.service)
      if (port === undefined || !speaksHttp(port) || read.told(port.service) === groupOpen()) return []
      return [routeResource(groupAll(), refusedRouteConfiguration(name), port.from)]
    },
  })
}

function speaksHttp({ port }: OutboundPort): boolean {
  return port.protocol !== 'tcp'
}

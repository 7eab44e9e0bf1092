/** The derivations of what servers hold: the listener of a workload, the guards of its ports, the way to its application. */
import type { Graph, Table } from '../derive/index.ts'
import {
  applicationAddress,
  type EnvoyResource,
  groupOfWorkload,
  type Mesh,
  type MeshConfig,
  type Workload,
  workloadPortKey,
} from '../mesh/index.ts'
import { applicationPortCluster } from './cluster.ts'
import type { Facts } from './facts.ts'
import { type InboundOptions, inboundCluster, inboundListener } from './inbound.ts'
import { REASON } from './local-reply.ts'
import { inboundRouteName } from './names.ts'
import { CLOSED, type Gate } from './rbac.ts'
import { clusterResource, listenerResource, routeResource, sameResource } from './resource.ts'
import { deniedRouteConfiguration, inboundRouteConfiguration } from './route.ts'

type Resources = Table<string, EnvoyResource>

export function deriveInbound(graph: Graph, mesh: Mesh, facts: Facts, options: InboundOptions): Resources[] {
  return [
    deriveListeners(graph, mesh, facts, options),
    deriveGuards(graph, mesh, facts),
    deriveUndeclared(graph, mesh, facts),
    deriveApplications(graph, facts),
  ]
}

function deriveListeners(graph: Graph, mesh: Mesh, { gates }: Facts, options: InboundOptions): Resources {
  return graph.expand({
    name: 'envoy.inboundListeners',
    over: mesh.workloads,
    reads: { access: mesh.access, gates },
    equal: sameResource,
    compute: (key, workload, read) => {
      const access = {
        full: (port: number) => read.access(workloadPortKey(key, port)) ?? CLOSED,
        gate: (port: number) => read.gates(workloadPortKey(key, port)) ?? CLOSED,
      }
      const message = inboundListener(workload, access, undeclaredGate(workload, access.gate, mesh.config), options)
      return message === undefined ? [] : [listenerResource(groupOfWorkload(key), message, workload.from)]
    },
  })
}

function deriveGuards(graph: Graph, mesh: Mesh, { guarded }: Facts): Resources {
  return graph.expand({
    name: 'envoy.guards',
    over: guarded,
    reads: { access: mesh.access },
    equal: sameResource,
    compute: (key, { workload, port }, read) => {
      if (port.protocol === 'tcp') return []
      const access = read.access(key) ?? CLOSED
      const target = inboundCluster(workload, port.port, port.protocol)
      const message = inboundRouteConfiguration(inboundRouteName(port.port), access, target)
      const from = [...workload.from, ...access.rules.flatMap(rule => rule.from)]
      return [routeResource(groupOfWorkload(workload.key), message, from)]
    },
  })
}

/** Ports a redirected pod does not declare are reached all the same, so they need an answer. */
function deriveUndeclared(graph: Graph, mesh: Mesh, { gates }: Facts): Resources {
  return graph.expand({
    name: 'envoy.undeclaredPorts',
    over: mesh.workloads,
    reads: { gates },
    equal: sameResource,
    compute: (key, workload, read) => {
      if (workload.capture.kind !== 'redirect') return []
      const gate = undeclaredGate(workload, port => read.gates(workloadPortKey(key, port)) ?? CLOSED, mesh.config)
      const name = inboundRouteName('other')
      const closed = gate.mode === 'enforce' && gate.unidentified === 'deny'
      const message = closed
        ? deniedRouteConfiguration(name, REASON.undeclaredPort)
        : inboundRouteConfiguration(name, { ...CLOSED, ...gate }, inboundCluster(workload, 'other', 'auto'))
      return [routeResource(groupOfWorkload(key), message, workload.from)]
    },
  })
}

/** The strictest of the declared ports; without any, what the mesh says. */
function undeclaredGate({ inbound }: Workload, gateOf: (port: number) => Gate, config: MeshConfig): Gate {
  const gates = inbound.map(({ port }) => gateOf(port))
  const [first] = gates
  if (first === undefined) {
    return { mode: config.access, unidentified: config.access === 'enforce' ? 'deny' : 'allow' }
  }
  return {
    mode:
      gates.find(gate => gate.mode === 'enforce')?.mode ??
      gates.find(gate => gate.mode === 'audit')?.mode ??
      first.mode,
    unidentified: gates.some(gate => gate.unidentified === 'deny') ? 'deny' : 'allow',
  }
}

function deriveApplications(graph: Graph, { guarded }: Facts): Resources {
  return graph.expand({
    name: 'envoy.applications',
    over: guarded,
    equal: sameResource,
    compute: (_key, { workload, port }) => {
      if (workload.capture.kind !== 'loopback') return []
      const address = applicationAddress(workload.capture.subnet)
      const message = applicationPortCluster(address, port.port, port.protocol)
      return [clusterResource(groupOfWorkload(workload.key), message, workload.from)]
    },
  })
}

/** Where a service port is served, pod by pod, and what the proxies say of each: peer or plain, whose workload. */
import type { Endpoint, Ip, Port } from '../mesh/index.ts'
import type { Metadata } from '../proto/gen/envoy/config/core/v3/base.ts'
import type { ClusterLoadAssignment } from '../proto/gen/envoy/config/endpoint/v3/endpoint.ts'
import type { LbEndpoint, LocalityLbEndpoints } from '../proto/gen/envoy/config/endpoint/v3/endpoint_components.ts'
import { socketAddress } from './address.ts'
import { METADATA } from './stats.ts'

/** The mark of endpoints that speak mTLS with us. */
export const MESH_PEER = 'mesh'

/** Grouped by zone; within a zone in the order given. */
export function loadAssignment(name: string, endpoints: readonly Endpoint[]): ClusterLoadAssignment {
  const zones = Map.groupBy(endpoints, endpoint => endpoint.zone)
  const localities = [...zones.keys()].sort().map(
    (zone): LocalityLbEndpoints => ({
      locality: zone === '' ? {} : { zone },
      lbEndpoints: (zones.get(zone) ?? []).map(lbEndpoint),
    }),
  )
  return { clusterName: name, endpoints: localities }
}

/** A fixed place that no pod of the mesh is behind. */
export function singleEndpoint(name: string, address: Ip, port: Port): ClusterLoadAssignment {
  return { clusterName: name, endpoints: [{ lbEndpoints: [at(address, port)] }] }
}

function lbEndpoint(endpoint: Endpoint): LbEndpoint {
  return { ...at(endpoint.ip, endpoint.port), metadata: metadata(endpoint) }
}

function at(address: Ip, port: Port): LbEndpoint {
  return { hostIdentifier: { $case: 'endpoint', endpoint: { address: socketAddress(address, port) } } }
}

function metadata({ owner, pod, peer }: Endpoint): Metadata {
  const who = { workload: owner.name, kind: owner.kind, namespace: owner.namespace, pod }
  const socket = peer.kind === 'mesh' ? { 'envoy.transport_socket_match': { [MESH_PEER]: true } } : {}
  return { filterMetadata: { ...socket, [METADATA]: who } }
}

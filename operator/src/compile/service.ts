/** Service → how it is reached. Where its endpoints are, and what splits make of it, is compiled elsewhere. */
import {
  hostsOf,
  type MeshConfig,
  type Protocol,
  type Service,
  type ServiceKey,
  type SpiffeId,
  servicePortKey,
} from '@smi-mesh/dataplane/mesh'
import type { ServiceFacts } from '../facts/facts.ts'
import { protocolOf } from './protocol.ts'

export function compileService(
  facts: ServiceFacts,
  identities: readonly SpiffeId[],
  { clusterDomain }: MeshConfig,
): Service {
  return {
    key: facts.key,
    hosts: hostsOf(facts.key, clusterDomain),
    address: facts.address,
    ports: facts.ports.map(port => ({ port: port.port, name: port.name, protocol: protocolOf(port) })),
    identities,
    from: [facts.ref],
  }
}

/** One port of a Service, as routes look at it. */
export interface Port {
  readonly service: ServiceKey
  readonly port: number
  readonly protocol: Protocol
}

/** A row for every port, so that what depends on one port is computed for one port. */
export function servicePorts({ key, ports }: ServiceFacts) {
  return ports.map(
    port => [servicePortKey(key, port.port), { service: key, port: port.port, protocol: protocolOf(port) }] as const,
  )
}

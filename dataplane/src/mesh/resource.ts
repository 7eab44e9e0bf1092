/** What a control plane hands to a proxy, as the two sides that meet here see it: bytes with a type, a name and readers. */
import type { SpiffeId } from './identity.ts'
import type { Brand, ServiceKey, WorkloadKey } from './keys.ts'
import type { ObjectRef } from './object-ref.ts'

/** The five resource types of the discovery protocol (v3). */
export const TypeUrl = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  loadAssignment: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  routeConfiguration: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
} as const
export type TypeUrl = (typeof TypeUrl)[keyof typeof TypeUrl]

const ORDER: readonly TypeUrl[] = Object.values(TypeUrl)

/** The place of a type in which it is told: clusters before what names them, 0 to 4. */
export function typeOrder(type: TypeUrl): number {
  return ORDER.indexOf(type)
}

/** Resources that are always told together, because the same proxies may know of them. */
export type GroupKey = Brand<string, 'GroupKey'>

/** What every proxy is told. */
export function groupAll(): GroupKey {
  return 'all' as GroupKey
}

/** What only proxies are told to which traffic is redirected: listeners that own no socket. */
export function groupRedirected(): GroupKey {
  return 'redirected' as GroupKey
}

/** The services that anyone may be told of. */
export function groupOpen(): GroupKey {
  return 'open' as GroupKey
}

/** A restricted service: told only to identities that reach it. */
export function groupOfService(service: ServiceKey): GroupKey {
  return `service:${service}` as GroupKey
}

/** What the proxies of one identity share: its certificate. */
export function groupOfIdentity(identity: SpiffeId): GroupKey {
  return `identity:${identity}` as GroupKey
}

/** What the proxies of one workload share: its inbound side. */
export function groupOfWorkload(workload: WorkloadKey): GroupKey {
  return `workload:${workload}` as GroupKey
}

/** One encoded resource. Two groups may hold one of the same type and name: the later group of a scope wins. */
export interface EnvoyResource {
  readonly group: GroupKey
  readonly type: TypeUrl
  readonly name: string
  /** The encoded message, without the `Any` around it. */
  readonly value: Uint8Array
  /** Whose objects it says something of. */
  readonly from: readonly ObjectRef[]
}

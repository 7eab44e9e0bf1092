/** One message as a resource: encoded, named, in a group, with the objects it comes from. */
import { compareRefs, type EnvoyResource, type GroupKey, type ObjectRef, refText, TypeUrl } from '../mesh/index.ts'
import { Cluster } from '../proto/gen/envoy/config/cluster/v3/cluster.ts'
import { ClusterLoadAssignment } from '../proto/gen/envoy/config/endpoint/v3/endpoint.ts'
import { Listener } from '../proto/gen/envoy/config/listener/v3/listener.ts'
import { RouteConfiguration } from '../proto/gen/envoy/config/route/v3/route.ts'
import { Secret } from '../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts'
import { encode, type MessageType } from '../proto/index.ts'

/** A resource under the key it has in its table: unique among all of them. */
export type Keyed = readonly [string, EnvoyResource]

type Make<T> = (group: GroupKey, message: T, from: readonly ObjectRef[]) => Keyed

export const clusterResource: Make<Cluster> = (group, message, from) =>
  resource(group, TypeUrl.cluster, message.name, Cluster, message, from)

export const loadAssignmentResource: Make<ClusterLoadAssignment> = (group, message, from) =>
  resource(group, TypeUrl.loadAssignment, message.clusterName, ClusterLoadAssignment, message, from)

export const listenerResource: Make<Listener> = (group, message, from) =>
  resource(group, TypeUrl.listener, message.name, Listener, message, from)

export const routeResource: Make<RouteConfiguration> = (group, message, from) =>
  resource(group, TypeUrl.routeConfiguration, message.name, RouteConfiguration, message, from)

export const secretResource: Make<Secret> = (group, message, from) =>
  resource(group, TypeUrl.secret, message.name, Secret, message, from)

function resource<T>(
  group: GroupKey,
  type: TypeUrl,
  name: string | undefined,
  message: MessageType<T>,
  content: T,
  from: readonly ObjectRef[],
): Keyed {
  if (name === undefined) throw new TypeError(`A ${type} without a name.`)
  return [`${group} ${type} ${name}`, { group, type, name, value: encode(message, content), from: sortedRefs(from) }]
}

/** Equal bytes with the same authors: nothing to tell anyone. The key holds the rest. */
export function sameResource(a: EnvoyResource, b: EnvoyResource): boolean {
  return Buffer.compare(a.value, b.value) === 0 && authors(a) === authors(b)
}

function authors({ from }: EnvoyResource): string {
  return from.map(refText).join('\n')
}

function sortedRefs(refs: readonly ObjectRef[]): readonly ObjectRef[] {
  return [...new Map(refs.map(ref => [refText(ref), ref])).values()].sort(compareRefs)
}

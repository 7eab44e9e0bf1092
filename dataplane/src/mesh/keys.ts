/** Identifiers of the mesh, each built and parsed in exactly this place. Knows their spelling and nothing of what they name. */

declare const brand: unique symbol
/** A string that only its own constructor may make. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** A Service, spelled `namespace/name`. */
export type ServiceKey = Brand<string, 'ServiceKey'>
/** One port of a Service, spelled `namespace/name:port`. */
export type ServicePortKey = Brand<string, 'ServicePortKey'>
/** A pod, spelled `namespace/name`. */
export type PodKey = Brand<string, 'PodKey'>
/** Pods the mesh cannot tell apart, spelled `namespace/…`. */
export type WorkloadKey = Brand<string, 'WorkloadKey'>
/** One inbound port of a workload, spelled `workload:port`. */
export type WorkloadPortKey = Brand<string, 'WorkloadPortKey'>
/** An IPv4 or IPv6 address in its text form. */
export type Ip = Brand<string, 'Ip'>
/** A TCP port, 1 to 65535. */
export type Port = number

export interface NamespacedName {
  readonly namespace: string
  readonly name: string
}

export function serviceKey(namespace: string, name: string): ServiceKey {
  return `${namespace}/${name}` as ServiceKey
}

export function servicePortKey(service: ServiceKey, port: Port): ServicePortKey {
  return `${service}:${port}` as ServicePortKey
}

export function podKey(namespace: string, name: string): PodKey {
  return `${namespace}/${name}` as PodKey
}

/** `name` tells the workload apart within its namespace. */
export function workloadKey(namespace: string, name: string): WorkloadKey {
  return `${namespace}/${name}` as WorkloadKey
}

export function workloadPortKey(workload: WorkloadKey, port: Port): WorkloadPortKey {
  return `${workload}:${port}` as WorkloadPortKey
}

export function parseServiceKey(key: ServiceKey | PodKey | WorkloadKey): NamespacedName {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

export function parseServicePortKey(key: ServicePortKey): { readonly service: ServiceKey; readonly port: Port } {
  const colon = key.lastIndexOf(':')
  return { service: key.slice(0, colon) as ServiceKey, port: Number(key.slice(colon + 1)) }
}

export function parseWorkloadPortKey(key: WorkloadPortKey): { readonly workload: WorkloadKey; readonly port: Port } {
  const colon = key.lastIndexOf(':')
  return { workload: key.slice(0, colon) as WorkloadKey, port: Number(key.slice(colon + 1)) }
}

/** The pod a proxy's `node.id` names; a namespace holds no dot (RFC 1123 label), a pod's name may. */
export function podOfNodeId(nodeId: string): PodKey | undefined {
  const dot = nodeId.lastIndexOf('.')
  return dot > 0 && dot < nodeId.length - 1 ? podKey(nodeId.slice(dot + 1), nodeId.slice(0, dot)) : undefined
}

/** The `node.id` by which the proxy of a pod introduces itself: `<pod>.<namespace>`. */
export function nodeIdOf(pod: PodKey): string {
  const { namespace, name } = parseServiceKey(pod)
  return `${name}.${namespace}`
}

/** Reads an address; the caller has checked that it is one. */
export function ip(text: string): Ip {
  return text as Ip
}

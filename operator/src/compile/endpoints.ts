/**
 * Where a Service's ports are served. EndpointSlices govern where there are any; without them (a folder of YAML has none) the
 * pods that the selector finds are taken.
 */

import { isIPv6 } from 'node:net'
import {
  type Endpoint,
  type Endpoints,
  type Ip,
  type PodKey,
  parseServiceKey,
  type ServiceKey,
  type ServicePortKey,
  servicePortKey,
} from '@smi-mesh/dataplane/mesh'
import type { NameKey } from '../facts/fact-tables.ts'
import type { EndpointSliceFacts, PodFacts, ServiceFacts, ServicePortFacts } from '../facts/facts.ts'
import { quoted } from '../facts/reduced.ts'
import { type Compiled, compareText, type Finding, finding } from './finding.ts'
import { type PodTraits, podAt } from './pod.ts'

/** What may be looked at to find a Service's endpoints. */
export interface EndpointScenery {
  readonly slicesByService: (service: ServiceKey) => ReadonlySet<NameKey>
  readonly slices: (slice: NameKey) => EndpointSliceFacts | undefined
  readonly podsByService: (service: ServiceKey) => ReadonlySet<PodKey>
  readonly podsByIp: (ip: Ip) => ReadonlySet<PodKey>
  readonly pods: (pod: PodKey) => PodFacts | undefined
  readonly traits: (pod: PodKey) => PodTraits | undefined
}

/** The endpoints of every port of a Service. */
export function compileEndpoints(service: ServiceFacts, scenery: EndpointScenery): Compiled<readonly Endpoints[]> {
  const findings: Finding[] = []
  const slices = slicesOf(service, scenery)
  const value = service.ports.map(port => ({
    key: servicePortKey(service.key, port.port),
    endpoints: orderly(
      slices === undefined ? fromPods(service, port, scenery, findings) : fromSlices(service, port, slices, scenery),
    ),
  }))
  return { value, findings }
}

/**
 * The slices of one address family, the Service's own first; undefined where it has no slice at all. A headless Service has all:
 * its pods are called by whichever of their addresses DNS gave.
 */
function slicesOf(service: ServiceFacts, scenery: EndpointScenery): readonly EndpointSliceFacts[] | undefined {
  const all = [...scenery.slicesByService(service.key)].sort().flatMap(key => scenery.slices(key) ?? [])
  if (all.length === 0) return undefined
  if (service.address.kind === 'headless') return all
  const first = service.address.kind === 'clusterIP' ? service.address.ips[0] : undefined
  const family = first !== undefined && isIPv6(first) ? 'IPv6' : 'IPv4'
  const ofFamily = all.filter(slice => slice.family === family)
  return ofFamily.length > 0 ? ofFamily : all
}

function fromSlices(
  service: ServiceFacts,
  port: ServicePortFacts,
  slices: readonly EndpointSliceFacts[],
  scenery: EndpointScenery,
): readonly Endpoint[] {
  const candidates = slices.flatMap(slice => {
    const target = slice.ports.find(one => one.name === port.name)?.port
    return target === undefined ? [] : slice.endpoints.map(endpoint => ({ ...endpoint, port: target }))
  })
  const unheard = ({ ip, pod }: { readonly ip: Ip; readonly pod: PodKey | undefined }) => {
    const at = podAt(pod, ip, scenery.podsByIp)
    return at !== undefined && scenery.pods(at)?.unheard === true
  }
  return serving(candidates, unheard).flatMap(({ ip, pod, port: target, zone }) => {
    const at = podAt(pod, ip, scenery.podsByIp)
    if (at === undefined) return [foreign(service, ip, target, zone)]
    // A pod that is not known yet might have a proxy: nothing is sent there until it is known how.
    const traits = scenery.traits(at)
    return traits === undefined ? [] : [endpoint(traits, ip, target, zone)]
  })
}

function fromPods(
  service: ServiceFacts,
  port: ServicePortFacts,
  scenery: EndpointScenery,
  findings: Finding[],
): readonly Endpoint[] {
  if (Object.keys(service.selector).length === 0) return []
  const candidates = [...scenery.podsByService(service.key)].sort().flatMap(key => {
    const pod = scenery.pods(key)
    const traits = scenery.traits(key)
    if (pod === undefined || traits === undefined) return []
    const target = targetPort(port, traits)
    if (target === undefined) findings.push(targetPortNotFound(service, port))
    if (target === undefined || pod.ip === undefined) return []
    const ready = service.publishNotReady || (pod.ready && !pod.terminating)
    const { ip, zone, ready: isReady, terminating, unheard } = pod
    return [{ traits, ip, target, zone, ready, serving: isReady, terminating, unheard }]
  })
  return serving(candidates, one => one.unheard).map(({ traits, ip, target, zone }) =>
    endpoint(traits, ip, target, zone),
  )
}

/** The number a Service's target port has in a pod. */
export function targetPort({ targetPort }: ServicePortFacts, { ports }: Pick<PodTraits, 'ports'>): number | undefined {
  return typeof targetPort === 'number' ? targetPort : ports.find(port => port.name === targetPort)?.port
}

/**
 * The ready ones; while there are none, those that still serve although they are leaving (as kube-proxy does); while there are none
 * of these either, those that are not ready only because their nodes are not heard of. When an API server comes back, it may
 * have heard of no node for a while, and all of their pods go on.
 */
function serving<T extends { readonly ready: boolean; readonly serving: boolean; readonly terminating: boolean }>(
  candidates: readonly T[],
  isUnheard: (one: T) => boolean,
): readonly T[] {
  const ready = candidates.filter(one => one.ready)
  if (ready.length > 0) return ready
  const leaving = candidates.filter(one => one.serving && one.terminating)
  return leaving.length > 0 ? leaving : candidates.filter(isUnheard)
}

function endpoint(traits: PodTraits, ip: Ip, port: number, zone: string): Endpoint {
  const peer = traits.meshed ? ({ kind: 'mesh', identity: traits.identity } as const) : ({ kind: 'plain' } as const)
  return { ip, port, pod: parseServiceKey(traits.key).name, peer, owner: traits.owner, zone }
}

function foreign({ ref }: ServiceFacts, ip: Ip, port: number, zone: string): Endpoint {
  return { ip, port, pod: '', peer: { kind: 'plain' }, owner: ref, zone }
}

/** Sorted by address, each address once. */
function orderly(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const sorted = endpoints.toSorted((a, b) => compareText(a.ip, b.ip) || a.port - b.port)
  return sorted.filter((one, index) => one.ip !== sorted[index - 1]?.ip || one.port !== sorted[index - 1]?.port)
}

function targetPortNotFound(service: ServiceFacts, port: ServicePortFacts): Finding {
  const message = `A pod behind it declares no container port named ${quoted(port.targetPort)}. Name the container port, or write its number as targetPort.`
  return finding(service.ref, 'TargetPortNotFound', `spec.ports[${port.port}].targetPort`, message)
}

/** Rows for the table of endpoints. */
export function endpointRows(endpoints: readonly Endpoints[]): readonly (readonly [ServicePortKey, Endpoints])[] {
  return endpoints.map(one => [one.key, one] as const)
}

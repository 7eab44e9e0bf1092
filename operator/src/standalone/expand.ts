/**
 * What the user wrote and what runs → the objects an API server would hold: Services with cluster IPs, Pods with addresses and
 * conditions, ReplicaSets between Deployments and their Pods. Pure.
 */
import { clusterAddress, type Ip, ip, type ObjectRef, podAddress, refText } from '@smi-mesh/dataplane/mesh'
import { type Document, isDocument } from '../sources/identify.ts'
import type { SourceChange } from '../sources/source.ts'
import { allocate } from './allocate.ts'
import { type DesiredPod, desiredPods, replicaSetName, uidOf } from './desired.ts'
import type { ServiceAddress } from './environment.ts'
import { at, listAt, numberAt, textAt } from './fields.ts'
import type { RunningPod } from './plan.ts'
import type { Purpose } from './pod-spec.ts'

/** A pod that runs, with the subnet that is its own. */
export interface PlacedPod extends RunningPod {
  readonly subnet: number
  /** Milliseconds since the epoch. */
  readonly since: number
}

/** Which addresses the numbers of Services and pods stand for. */
export interface AddressPlan {
  serviceIp(number: number): Ip
  podIp(number: number): Ip
  /** Whether a cluster IP that the user wrote is kept. */
  readonly keepsGiven: boolean
}

/** Addresses of processes on this machine: what is written elsewhere cannot be had here. */
export const LOOPBACK_PLAN: AddressPlan = { serviceIp: clusterAddress, podIp: podAddress, keepsGiven: false }

/** Addresses as a cluster would give, for questions that need some and do not care which. */
export const CLUSTER_PLAN: AddressPlan = {
  serviceIp: number => ip(`10.96.${number >> 8}.${number & 255}`),
  podIp: number => ip(`10.244.${number >> 8}.${number & 255}`),
  keepsGiven: true,
}

/** Objects by the text of their reference. */
export type Objects = ReadonlyMap<string, SourceChange>

/** A kind by its name alone is the usual one of that name: a knative Service has no cluster IP. */
function isOf(ref: ObjectRef, kind: 'Pod' | 'Service'): boolean {
  return ref.group === undefined && ref.kind === kind
}

/** Whether a Service is given a cluster IP by us. */
export function needsClusterIp(plan: AddressPlan, ref: ObjectRef, object: unknown): boolean {
  if (!isOf(ref, 'Service') || at(object, 'spec.type') === 'ExternalName') return false
  const given = textAt(object, 'spec.clusterIP')
  return given === undefined || (given !== 'None' && !plan.keepsGiven)
}

export function expand(
  written: Objects,
  serviceNumbers: ReadonlyMap<string, number>,
  pods: readonly PlacedPod[],
  plan: AddressPlan = LOOPBACK_PLAN,
): Objects {
  const expanded = new Map<string, SourceChange>()
  for (const [key, change] of written) {
    const number = serviceNumbers.get(key)
    // A pod without an address is told of once it has one.
    if (isOf(change.ref, 'Pod') && at(change.object, 'status.podIP') === undefined) continue
    const isAddressed = number !== undefined && needsClusterIp(plan, change.ref, change.object)
    expanded.set(
      key,
      isAddressed ? { ...change, object: withClusterIp(change.object, plan.serviceIp(number)) } : change,
    )
  }
  for (const pod of pods) {
    const origin = written.get(refText(pod.pod.controller))?.origin ?? ''
    const made = [...replicaSets(pod.pod), podObject(pod, plan.podIp(pod.subnet))]
    for (const [ref, object] of made) expanded.set(refText(ref), { ref, object, origin })
  }
  return expanded
}

function withClusterIp(service: unknown, ip: Ip): unknown {
  if (!isDocument(service)) return service
  const spec = isDocument(service['spec']) ? service['spec'] : {}
  return { ...service, spec: { ...spec, clusterIP: ip, clusterIPs: [ip] } }
}

/** What the Services of the expanded objects look like from a pod: those with a cluster IP, sorted. */
export function serviceAddresses(objects: Objects): readonly ServiceAddress[] {
  return [...objects.values()]
    .filter(({ ref }) => isOf(ref, 'Service'))
    .flatMap(({ ref, object }) => {
      const clusterIp = textAt(object, 'spec.clusterIP')
      if (clusterIp === undefined || clusterIp === 'None') return []
      const ports = listAt(object, 'spec.ports').flatMap(port => {
        const number = numberAt(port, 'port')
        return number === undefined ? [] : [{ port: number, name: textAt(port, 'name') ?? '' }]
      })
      return [{ namespace: ref.namespace, name: ref.name, clusterIp, ports }]
    })
    .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1))
}

function podObject({ pod, state, since }: PlacedPod, ip: Ip): readonly [ObjectRef, Document] {
  const ref: ObjectRef = { kind: 'Pod', namespace: pod.namespace, name: pod.name }
  const isReady = state === 'ready' ? 'True' : 'False'
  const metadata = {
    name: pod.name,
    namespace: pod.namespace,
    uid: uidOf(ref),
    creationTimestamp: new Date(since).toISOString(),
    labels: pod.labels,
    annotations: pod.annotations,
    ownerReferences: pod.ownerReferences,
    // In Kubernetes this is the moment at which the grace ends.
    ...(state === 'stopping' ? { deletionTimestamp: new Date(since).toISOString() } : {}),
  }
  const status = {
    phase: 'Running',
    hostIP: '127.0.0.1',
    podIP: ip,
    podIPs: [{ ip }],
    conditions: ['Initialized', 'PodScheduled', 'ContainersReady', 'Ready'].map(type => ({
      type,
      status: type === 'Ready' || type === 'ContainersReady' ? isReady : 'True',
    })),
  }
  const spec = { ...pod.manifest, serviceAccountName: pod.spec.serviceAccount, nodeName: 'localhost' }
  return [ref, { apiVersion: 'v1', kind: 'Pod', metadata, spec, status }]
}

function replicaSets(pod: DesiredPod): readonly (readonly [ObjectRef, Document])[] {
  const { kind, namespace, name } = pod.controller
  if (kind !== 'Deployment') return []
  const ref: ObjectRef = { kind: 'ReplicaSet', namespace, name: replicaSetName(name, pod.revision) }
  const owner = { apiVersion: 'apps/v1', kind, name, uid: uidOf(pod.controller), controller: true }
  const metadata = { name: ref.name, namespace, uid: uidOf(ref), labels: pod.labels, ownerReferences: [owner] }
  return [[ref, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata }]]
}

/** The pods that all objects together ask for, sorted; and of each object what cannot be had. */
export function desiredOf(
  written: Objects,
  purpose: Purpose = 'processes',
): {
  readonly pods: readonly DesiredPod[]
  readonly refused: readonly { readonly change: SourceChange; readonly field: string; readonly message: string }[]
} {
  const found = [...written.values()].map(change => ({ change, ...desiredPods(change.ref, change.object, purpose) }))
  return {
    pods: found.flatMap(({ pods }) => pods).sort((a, b) => (a.key < b.key ? -1 : 1)),
    refused: found.flatMap(({ change, refused }) => refused.map(refusal => ({ change, ...refusal }))),
  }
}

/** Numbers of services: 127.0.1.0 to 127.0.254.254 on loopback. */
export const SERVICE_NUMBERS = { first: 1, last: 65_023 } as const

/** The Services among the objects that are given a cluster IP, by the text of their reference. */
export function addressedServices(written: Objects, plan: AddressPlan): readonly string[] {
  return [...written].filter(([, { ref, object }]) => needsClusterIp(plan, ref, object)).map(([key]) => key)
}

/**
 * All objects as they would be once everything had been started and was ready, without starting anything: what commands that
 * answer questions about a folder look at.
 */
export function expandAsReady(objects: readonly SourceChange[], plan: AddressPlan): readonly SourceChange[] {
  const written = new Map(objects.map(change => [refText(change.ref), change]))
  const services = allocate(new Map(), addressedServices(written, plan), SERVICE_NUMBERS).numbers
  const last = plan === LOOPBACK_PLAN ? 254 : 65_534
  const { pods } = desiredOf(written, 'addresses')
  const { numbers } = allocate(
    new Map(),
    pods.map(pod => pod.key),
    { first: 1, last },
  )
  const placed = pods.flatMap((pod): readonly PlacedPod[] => {
    const subnet = numbers.get(pod.key)
    return subnet === undefined ? [] : [{ pod, state: 'ready', subnet, since: 0 }]
  })
  return [...expand(written, services, placed, plan).values()]
}

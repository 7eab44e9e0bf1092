/** Pods as the mesh tells them apart: who they are and which Services they stand behind. Knows nothing of health or addresses. */
import { createHash } from 'node:crypto'
import {
  type Capture,
  type Ip,
  type MeshConfig,
  type Owner,
  type PodKey,
  parseServiceKey,
  type ServiceKey,
  type SpiffeId,
  spiffeId,
  subnetOf,
  type WorkloadKey,
  workloadKey,
} from '@smi-mesh/dataplane/mesh'
import { type NameKey, nameKey } from '../facts/fact-tables.ts'
import type { ContainerPort, EndpointSliceFacts, PodFacts, ServiceFacts } from '../facts/facts.ts'

/** What of a pod outlives a restart of its containers: all that grouping, access and selection look at. */
export interface PodTraits {
  readonly key: PodKey
  readonly namespace: string
  readonly account: NameKey
  readonly identity: SpiffeId
  readonly workload: WorkloadKey
  readonly meshed: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly ContainerPort[]
  readonly capture: Capture
  readonly owner: Owner
}

/** Undefined once nothing runs in the pod any more. */
export function podTraits(pod: PodFacts, { trustDomain }: MeshConfig): PodTraits | undefined {
  if (pod.finished) return undefined
  const { namespace } = parseServiceKey(pod.key)
  const { serviceAccount, labels, ports, meshed, owner } = pod
  return {
    key: pod.key,
    namespace,
    account: nameKey(namespace, serviceAccount),
    identity: spiffeId(trustDomain, { namespace, serviceAccount }),
    workload: workloadOf(pod, namespace),
    meshed,
    labels,
    ports,
    capture: captureOf(pod.ip),
    owner,
  }
}

function captureOf(ip: Ip | undefined): Capture {
  const subnet = ip === undefined ? undefined : subnetOf(ip)
  return ip === undefined || subnet === undefined ? { kind: 'redirect' } : { kind: 'loopback', subnet, ip }
}

/** Labels that controllers put on pods to tell apart what their owner meant to be the same. */
const MADE_BY_CONTROLLERS: ReadonlySet<string> = new Set([
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-completion-index',
  'batch.kubernetes.io/job-name',
  'controller-revision-hash',
  'controller-uid',
  'job-name',
  'pod-template-generation',
  'pod-template-hash',
  'rollouts-pod-template-hash',
  'statefulset.kubernetes.io/pod-name',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
])

/** Pods of one namespace, account, set of labels and set of ports are one workload; a loopback pod is its own. */
function workloadOf(pod: PodFacts, namespace: string): WorkloadKey {
  if (captureOf(pod.ip).kind === 'loopback') return workloadKey(namespace, parseServiceKey(pod.key).name)
  const labels = Object.entries(pod.labels).filter(([name]) => !MADE_BY_CONTROLLERS.has(name))
  const sameness = JSON.stringify([namespace, pod.serviceAccount, labels, pod.ports])
  const hash = createHash('sha256').update(sameness).digest('hex').slice(0, 10)
  return workloadKey(namespace, `${pod.serviceAccount}~${hash}`)
}

/** One label as a Service selects by it, within its namespace. */
export type LabelKey = string

export function labelKey(namespace: string, name: string, value: string): LabelKey {
  return `${namespace}/${name}=${value}`
}

export function labelKeys(namespace: string, labels: Readonly<Record<string, string>>): readonly LabelKey[] {
  return Object.entries(labels).map(([name, value]) => labelKey(namespace, name, value))
}

/** The labels a Service asks for; the first stands for the rest in the index that finds Services for a pod. */
export function selectorOf({ key, selector }: ServiceFacts): readonly LabelKey[] | undefined {
  const keys = labelKeys(parseServiceKey(key).namespace, selector)
  return keys.length === 0 ? undefined : keys
}

/** What may be looked at to find the Services of a pod. */
export interface SelectionScenery {
  readonly selectorsByLabel: (label: LabelKey) => ReadonlySet<ServiceKey>
  readonly selectors: (service: ServiceKey) => readonly LabelKey[] | undefined
  readonly slicesByPod: (pod: PodKey) => ReadonlySet<NameKey>
  readonly sliceMembers: (slice: NameKey) => SliceMembers | undefined
}

/** The Services a pod stands behind, sorted: those that select it and those whose slices name it. */
export function servicesOf(pod: PodTraits, scenery: SelectionScenery): readonly ServiceKey[] {
  const own = new Set(labelKeys(pod.namespace, pod.labels))
  const found = new Set<ServiceKey>()
  for (const label of own) {
    for (const service of scenery.selectorsByLabel(label)) {
      if (scenery.selectors(service)?.every(wanted => own.has(wanted))) found.add(service)
    }
  }
  for (const slice of scenery.slicesByPod(pod.key)) {
    const service = scenery.sliceMembers(slice)?.service
    if (service !== undefined) found.add(service)
  }
  return [...found].sort()
}

/** Who is in an EndpointSlice. */
export interface SliceMembers {
  readonly service: ServiceKey
  readonly pods: readonly PodKey[]
  /** Whether it holds addresses that no pod of ours has. */
  readonly foreign: boolean
}

/** An address without a reference is a pod's all the same if exactly one pod has it. */
export function podAt(pod: PodKey | undefined, ip: Ip, podsByIp: (ip: Ip) => ReadonlySet<PodKey>): PodKey | undefined {
  if (pod !== undefined) return pod
  const [first, ...others] = podsByIp(ip)
  return others.length === 0 ? first : undefined
}

export function sliceMembers(slice: EndpointSliceFacts, podsByIp: (ip: Ip) => ReadonlySet<PodKey>): SliceMembers {
  const pods = slice.endpoints.map(endpoint => podAt(endpoint.pod, endpoint.ip, podsByIp))
  return {
    service: slice.service,
    pods: [...new Set(pods.filter(pod => pod !== undefined))].sort(),
    foreign: pods.includes(undefined),
  }
}

/** Deployments, StatefulSets, DaemonSets and Pods → the pods that should run here as processes. Pure. */
import { createHash } from 'node:crypto'
import { type ObjectRef, type PodKey, podKey, refText } from '@smi-mesh/dataplane/mesh'
import type { Document } from '../sources/identify.ts'
import { at, documentAt, numberAt, textMapAt } from './fields.ts'
import { type PodSpec, type Purpose, type Refused, readPodSpec } from './pod-spec.ts'

export interface DesiredPod {
  readonly key: PodKey
  readonly namespace: string
  readonly name: string
  /** The Deployment, StatefulSet or DaemonSet behind it; the Pod itself where nothing is. */
  readonly controller: ObjectRef
  /** Hash of all that makes a running pod another one. */
  readonly revision: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly ownerReferences: readonly OwnerReference[]
  readonly spec: PodSpec
  /** As the user wrote it, for the Pod object. */
  readonly manifest: Document
}

export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller: true
}

/** What one object asks to run, and why what it asks cannot be run. */
export interface Desired {
  readonly pods: readonly DesiredPod[]
  readonly refused: readonly Refused[]
}

/** Whether a proxy stands before a pod. */
export function isMeshed(pod: DesiredPod): boolean {
  return pod.annotations['smi-mesh.dev/inject'] !== 'disabled'
}

const NOTHING: Desired = { pods: [], refused: [] }

/** The most pods one controller may ask for: there are no more addresses. */
const MAX_REPLICAS = 254

/** The pods one object asks for. Objects that run nothing ask for none. */
export function desiredPods(ref: ObjectRef, object: unknown, purpose: Purpose = 'processes'): Desired {
  if (ref.group !== undefined) return NOTHING
  switch (ref.kind) {
    case 'Deployment':
    case 'StatefulSet':
    case 'DaemonSet':
      return controlled(ref, object, purpose)
    case 'Pod':
      return at(object, 'status.podIP') === undefined ? single(ref, object, purpose) : NOTHING
    case 'Job':
    case 'CronJob':
    case 'ReplicaSet':
    case 'ReplicationController': {
      const message = `A ${ref.kind} is not run here. Write a Deployment, StatefulSet, DaemonSet or Pod instead.`
      return { pods: [], refused: [{ field: 'kind', message }] }
    }
    default:
      return NOTHING
  }
}

function single(ref: ObjectRef, object: unknown, purpose: Purpose): Desired {
  const { spec, refused } = readPodSpec(documentAt(object, 'spec'), 'spec', purpose)
  if (spec === undefined) return { pods: [], refused }
  const manifest = documentAt(object, 'spec')
  const labels = textMapAt(object, 'metadata.labels')
  const annotations = textMapAt(object, 'metadata.annotations')
  const pod: DesiredPod = {
    key: podKey(ref.namespace, ref.name),
    namespace: ref.namespace,
    name: ref.name,
    controller: ref,
    revision: hashOf({ manifest, labels, annotations }),
    labels,
    annotations,
    ownerReferences: [],
    spec,
    manifest,
  }
  return { pods: [pod], refused }
}

function controlled(ref: ObjectRef, object: unknown, purpose: Purpose): Desired {
  const template = documentAt(object, 'spec.template')
  const manifest = documentAt(template, 'spec')
  const { spec, refused } = readPodSpec(manifest, 'spec.template.spec', purpose)
  if (spec === undefined) return { pods: [], refused }
  const revision = hashOf(template)
  const replicas = ref.kind === 'DaemonSet' ? 1 : Math.max(0, Math.trunc(numberAt(object, 'spec.replicas') ?? 1))
  const count = Math.min(replicas, MAX_REPLICAS)
  const pods = Array.from({ length: count }, (_, ordinal): DesiredPod => {
    const name = podName(ref, revision, ordinal)
    return {
      key: podKey(ref.namespace, name),
      namespace: ref.namespace,
      name,
      controller: ref,
      revision,
      labels: { ...textMapAt(template, 'metadata.labels'), ...controllerLabels(ref, revision, name) },
      annotations: textMapAt(template, 'metadata.annotations'),
      ownerReferences: [ownerReference(ref, revision)],
      spec,
      manifest,
    }
  })
  if (count === replicas) return { pods, refused }
  const message = `${replicas} replicas are asked for, but one machine has addresses for ${MAX_REPLICAS} pods. Ask for fewer.`
  return { pods, refused: [...refused, { field: 'spec.replicas', message }] }
}

/** The name of the ReplicaSet that Kubernetes would put between a Deployment and its pods. */
export function replicaSetName(deployment: string, revision: string): string {
  return `${deployment}-${revision}`
}

function podName(ref: ObjectRef, revision: string, ordinal: number): string {
  return ref.kind === 'Deployment' ? `${replicaSetName(ref.name, revision)}-${ordinal}` : `${ref.name}-${ordinal}`
}

function controllerLabels(ref: ObjectRef, revision: string, name: string): Readonly<Record<string, string>> {
  if (ref.kind === 'Deployment') return { 'pod-template-hash': revision }
  const label = { 'controller-revision-hash': `${ref.name}-${revision}` }
  return ref.kind === 'StatefulSet' ? { ...label, 'statefulset.kubernetes.io/pod-name': name } : label
}

function ownerReference(ref: ObjectRef, revision: string): OwnerReference {
  const isDeployment = ref.kind === 'Deployment'
  const name = isDeployment ? replicaSetName(ref.name, revision) : ref.name
  const kind = isDeployment ? 'ReplicaSet' : ref.kind
  return { apiVersion: 'apps/v1', kind, name, uid: uidOf({ kind, namespace: ref.namespace, name }), controller: true }
}

/** A stable identifier in the place of the one an API server would give. */
export function uidOf(ref: ObjectRef): string {
  const hex = createHash('sha256').update(refText(ref)).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

/** Ten characters, as in the names of real pods. Equal content gives equal text, whatever the order of keys. */
function hashOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 10)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )
}

/** Pod → facts: who it is, where it is, what it listens on, and whether the mesh stands before it. */
import { isIP } from 'node:net'
import { ip, type MeshConfig, type ObjectRef, type Owner, podKey } from '@smi-mesh/dataplane/mesh'
import { type Finding, finding } from '../compile/finding.ts'
import type { ContainerPort, PodFacts } from './facts.ts'
import { type Fields, fieldsOf, listOf, portOf, textOf, textsOf } from './read.ts'
import { quoted, type Reduced, reduced } from './reduced.ts'

const INJECT = 'smi-mesh.dev/inject'
/** Written by injection: the pod has a proxy, whatever its namespace or its user say today. */
const STATUS = 'smi-mesh.dev/status'
const PROXY = 'smi-mesh-proxy'
const ZONE = 'topology.kubernetes.io/zone'

/** `proxied` says how it is known that a pod has a proxy. */
export function podFacts(ref: ObjectRef, object: unknown, proxied: MeshConfig['proxied'] = 'all'): Reduced<PodFacts> {
  const { metadata, spec, status } = parts(object)
  const labels = textsOf(metadata['labels'])
  const phase = textOf(status['phase'])
  const findings: Finding[] = []
  const facts: PodFacts = {
    key: podKey(ref.namespace, ref.name),
    ref,
    uid: textOf(metadata['uid']),
    ip: addressOf(status),
    serviceAccount: textOf(spec['serviceAccountName']) || textOf(spec['serviceAccount']) || 'default',
    labels,
    ports: containerPorts(spec),
    owner: ownerOf(ref, metadata, labels),
    ready: readyOf(status, phase),
    unheard: isUnheard(status),
    finished: phase === 'Succeeded' || phase === 'Failed',
    terminating: textOf(metadata['deletionTimestamp']) !== '',
    meshed: isMeshed(ref, fieldsOf(metadata['annotations']), proxied, findings) && spec['hostNetwork'] !== true,
    zone: labels[ZONE] ?? '',
  }
  return reduced(facts, findings)
}

function parts(object: unknown): { readonly metadata: Fields; readonly spec: Fields; readonly status: Fields } {
  const fields = fieldsOf(object)
  return { metadata: fieldsOf(fields['metadata']), spec: fieldsOf(fields['spec']), status: fieldsOf(fields['status']) }
}

function addressOf(status: Fields): PodFacts['ip'] {
  const address = textOf(status['podIP']) || textOf(fieldsOf(listOf(status['podIPs'])[0])['ip'])
  return isIP(address) === 0 ? undefined : ip(address)
}

/** A pod without conditions comes from a file, written by someone who means it to run. */
function readyOf(status: Fields, phase: string): boolean {
  const ready = listOf(status['conditions'])
    .map(fieldsOf)
    .find(condition => condition['type'] === 'Ready')
  return ready === undefined ? phase === '' || phase === 'Running' : ready['status'] === 'True'
}

/**
 * A kubelet gives a reason with every readiness that it denies. The controller of nodes gives none: it turns the condition of every
 * pod on a node that it has not heard of, and leaves that of the containers as it was.
 */
function isUnheard(status: Fields): boolean {
  const conditions = listOf(status['conditions']).map(fieldsOf)
  const is = (type: string, value: string) =>
    conditions.find(condition => condition['type'] === type && condition['status'] === value)
  const denied = is('Ready', 'False')
  return denied !== undefined && textOf(denied['reason']) === '' && is('ContainersReady', 'True') !== undefined
}

/** Init containers count as well: those that restart always are sidecars, with ports of their own. */
function containerPorts(spec: Fields): readonly ContainerPort[] {
  const sidecars = listOf(spec['initContainers']).filter(container => fieldsOf(container)['restartPolicy'] === 'Always')
  const byNumber = new Map<number, ContainerPort>()
  const others = [...listOf(spec['containers']), ...sidecars].filter(one => fieldsOf(one)['name'] !== PROXY)
  for (const container of others) {
    for (const value of listOf(fieldsOf(container)['ports'])) {
      const fields = fieldsOf(value)
      const port = portOf(fields['containerPort'])
      if (port === undefined || textOf(fields['protocol'], 'TCP') !== 'TCP' || byNumber.has(port)) continue
      byNumber.set(port, { port, name: textOf(fields['name']) })
    }
  }
  return [...byNumber.values()].sort((a, b) => a.port - b.port)
}

/** What stands between a pod and the object its user wrote: the ReplicaSet, named after owner and template hash. */
const BETWEEN = [
  ['pod-template-hash', 'Deployment'],
  ['rollouts-pod-template-hash', 'Rollout'],
] as const

function ownerOf(ref: ObjectRef, metadata: Fields, labels: Readonly<Record<string, string>>): Owner {
  const { namespace } = ref
  const owners = listOf(metadata['ownerReferences']).map(fieldsOf)
  const owner = owners.find(one => one['controller'] === true) ?? owners[0]
  if (owner === undefined) return { kind: 'Pod', namespace, name: ref.name }
  const kind = textOf(owner['kind'])
  const name = textOf(owner['name'])
  for (const [label, above] of BETWEEN) {
    const suffix = `-${labels[label] ?? ''}`
    if (kind === 'ReplicaSet' && suffix !== '-' && name.endsWith(suffix)) {
      return { kind: above, namespace, name: name.slice(0, -suffix.length) }
    }
  }
  return { kind, namespace, name }
}

function isMeshed(ref: ObjectRef, annotations: Fields, proxied: MeshConfig['proxied'], findings: Finding[]): boolean {
  return proxied === 'injected' ? annotations[STATUS] === 'injected' : injected(ref, annotations[INJECT], findings)
}

function injected(ref: ObjectRef, value: unknown, findings: Finding[]): boolean {
  if (value === undefined || value === null || value === 'enabled') return true
  if (value === 'disabled') return false
  const message = `Annotation ${INJECT} is ${quoted(value)}, which means nothing; the pod counts as in the mesh. Write enabled or disabled.`
  findings.push(finding(ref, 'AnnotationValue', `metadata.annotations[${INJECT}]`, message))
  return true
}

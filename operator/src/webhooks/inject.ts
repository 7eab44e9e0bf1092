/** A pod → the same pod with its proxy, or why it gets none. Pure; a second pass over its own work changes nothing. */
import { CAPTURE_PORT, INBOUND_PORT, type Probe, READY_PORT, STATS_PORT } from '@smi-mesh/dataplane/envoy'
import {
  OPTIONS_VARIABLE,
  PROXY_GROUP,
  PROXY_ID,
  SidecarError,
  type SidecarOptions,
  sidecarOptions,
} from '@smi-mesh/dataplane/sidecar'
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import { annotated, unreadableWishes, wish } from './inject-annotations.ts'
import {
  IDENTITY_VOLUME,
  INIT,
  initContainer,
  PROXY,
  proxyContainer,
  RUN_VOLUME,
  volumes,
  within,
} from './inject-containers.ts'
import type { InjectContext } from './inject-context.ts'
import { noticeWithin, withNotice } from './inject-notice.ts'
import { rewriteProbes } from './inject-probes.ts'

/** That a pod has a proxy. */
export const STATUS_ANNOTATION = 'smi-mesh.dev/status'
/** On what a kubelet tells the API server of a pod that it runs from a file. */
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'
const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container'

export type SkipReason =
  | 'NotAsked' // neither namespace nor pod wants it
  | 'OptedOut'
  | 'HostNetwork'
  | 'Windows'
  | 'StaticPod'
  | 'ForeignSidecar'
  | 'ReservedPort'
  | 'ReservedUser'
  | 'WouldNeverEnd' // a Job, where there are no native sidecars

export type Injection =
  | { readonly kind: 'injected'; readonly pod: Fields; readonly warnings: readonly string[] }
  | Skipped

export interface Skipped {
  readonly kind: 'skipped'
  readonly reason: SkipReason
  /** Empty where the pod's user wanted it so. */
  readonly message: string
  /** Without a proxy, and without what an earlier pass or its user may have put there of one. */
  readonly pod: Fields
}

export function inject(pod: Fields, context: InjectContext): Injection {
  const metadata = fieldsOf(pod['metadata'])
  const annotations = fieldsOf(metadata['annotations'])
  const spec = fieldsOf(pod['spec'])
  const wanted = wish(fieldsOf(metadata['labels']), annotations)
  if (wanted === false) return { kind: 'skipped', reason: 'OptedOut', message: '', pod }
  if (wanted === undefined && !context.joined) return { kind: 'skipped', reason: 'NotAsked', message: '', pod }
  const obstacle = obstacleIn(spec, metadata, context)
  if (obstacle !== undefined) return { kind: 'skipped', ...obstacle, pod: withoutProxy(pod) }
  const { capture, settings, noticeSeconds, warnings: unreadable } = annotated(annotations, context.defaults)
  const warnings = [...unreadableWishes(fieldsOf(metadata['labels']), annotations), ...unreadable]
  const known = probesBefore(spec)
  const except = capture.inbound.exceptPorts
  const rewriting = { known, except, hookToken: context.hookToken() }
  const inits = rewriteProbes(others(spec['initContainers']), rewriting)
  const apps = rewriteProbes(others(spec['containers']), rewriting)
  const { controlPlane, rules, nativeSidecars, sleepingHooks } = context
  const workload = `${context.namespace}/${textOf(spec['serviceAccountName'], 'default') || 'default'}`
  const options: SidecarOptions = { controlPlane, workload, capture, rules, probes: [...inits.probes, ...apps.probes] }
  const written = spec['terminationGracePeriodSeconds']
  const grace = typeof written === 'number' ? written : 30
  const proxy = within(spec['resources'], proxyContainer(context, settings, grace))
  const containers = withNotice(apps.containers, sleepingHooks ? noticeWithin(grace, noticeSeconds) : 0)
  const first = within(spec['resources'], initContainer(context, settings, options))
  const [application] = apps.containers
  const marks = { [DEFAULT_CONTAINER]: textOf(application?.['name']), ...annotations, [STATUS_ANNOTATION]: 'injected' }
  return {
    kind: 'injected',
    warnings,
    pod: {
      ...pod,
      metadata: { ...metadata, annotations: marks },
      spec: {
        ...spec,
        initContainers: [first, ...(nativeSidecars ? [proxy] : []), ...inits.containers],
        containers: [...(nativeSidecars ? [] : [proxy]), ...containers],
        volumes: [
          ...listOf(spec['volumes']).filter(volume => !OUR_VOLUMES.has(fieldsOf(volume)['name'])),
          ...volumes(),
        ],
      },
    },
  }
}

/** Containers that are not ours. */
function others(containers: unknown): readonly Fields[] {
  return listOf(containers)
    .map(fieldsOf)
    .filter(({ name }) => name !== INIT && name !== PROXY)
}

/**
 * Another webhook may have put the pod on the network of its node after our first pass: there our rules would capture the node's
 * own connections. And a mark without a proxy would have callers wait for one.
 */
function withoutProxy(pod: Fields): Fields {
  const { metadata, spec } = pod
  const { annotations } = fieldsOf(metadata)
  const { [STATUS_ANNOTATION]: _mark, ...marks } = fieldsOf(annotations)
  const { containers, initContainers, volumes } = fieldsOf(spec)
  const foreign = listOf(volumes).filter(volume => !OUR_VOLUMES.has(fieldsOf(volume)['name']))
  return {
    ...pod,
    metadata: { ...fieldsOf(metadata), ...(annotations === undefined ? {} : { annotations: marks }) },
    spec: {
      ...fieldsOf(spec),
      ...(initContainers === undefined ? {} : { initContainers: others(initContainers) }),
      ...(containers === undefined ? {} : { containers: others(containers) }),
      ...(volumes === undefined ? {} : { volumes: foreign }),
    },
  }
}

/** What an earlier pass rewrote stands in its init container. */
function probesBefore(spec: Fields): readonly Probe[] {
  const init = listOf(spec['initContainers'])
    .map(fieldsOf)
    .find(({ name }) => name === INIT)
  const variable = listOf(init?.['env'])
    .map(fieldsOf)
    .find(({ name }) => name === OPTIONS_VARIABLE)
  if (variable === undefined) return []
  try {
    return sidecarOptions({ [OPTIONS_VARIABLE]: textOf(variable['value']) }).probes
  } catch (error) {
    if (error instanceof SidecarError) return []
    throw error
  }
}

const OUR_VOLUMES: ReadonlySet<unknown> = new Set([RUN_VOLUME, IDENTITY_VOLUME])
const RESERVED = [CAPTURE_PORT, INBOUND_PORT, READY_PORT, STATS_PORT]
/** Names of other meshes' proxies: two sets of rules in one pod lead nowhere. */
const FOREIGN = new Set([
  'istio-proxy',
  'istio-init',
  'linkerd-proxy',
  'linkerd-init',
  'consul-dataplane',
  'kuma-sidecar',
  'osm-init',
  'envoy',
])

type Obstacle = Pick<Skipped, 'reason' | 'message'>

function obstacleIn(spec: Fields, metadata: Fields, { nativeSidecars }: InjectContext): Obstacle | undefined {
  const skipped = (reason: SkipReason, message: string): Obstacle => ({ reason, message })
  if (spec['hostNetwork'] === true) {
    return skipped(
      'HostNetwork',
      'A pod on the network of its node has no connections of its own to capture: it is not in the mesh.',
    )
  }
  if (isForWindows(spec)) {
    return skipped(
      'Windows',
      'A pod for Windows can have no proxy, which is of Linux, and so are its rules: it is not in the mesh. Run it on Linux if it is to be.',
    )
  }
  if (fieldsOf(metadata['annotations'])[MIRROR_ANNOTATION] !== undefined) {
    return skipped(
      'StaticPod',
      'A static pod is run from a file of its node, whatever the API server is told of it: it is not in the mesh. Create it as any other if it is to be.',
    )
  }
  const all = [...others(spec['initContainers']), ...others(spec['containers'])]
  for (const container of all) {
    const name = textOf(container['name'])
    if (FOREIGN.has(name)) {
      return skipped(
        'ForeignSidecar',
        `Container ${name} belongs to another mesh, and a pod has room for one: it is not injected. Take the pod out of the other mesh first.`,
      )
    }
    for (const port of listOf(container['ports']).map(fieldsOf)) {
      const number = port['containerPort']
      if (typeof number === 'number' && RESERVED.includes(number)) {
        return skipped(
          'ReservedPort',
          `Container ${name} declares port ${number}, which the proxy needs: it is not injected. Let it listen on another.`,
        )
      }
    }
    const security = { ...fieldsOf(spec['securityContext']), ...fieldsOf(container['securityContext']) }
    if (security['runAsUser'] === PROXY_ID || security['runAsGroup'] === PROXY_GROUP) {
      return skipped(
        'ReservedUser',
        `Container ${name} runs as user ${PROXY_ID} or group ${PROXY_GROUP}, by which the proxy's connections are told from the application's: it is not injected. Run it as another.`,
      )
    }
  }
  const isOfJob = listOf(metadata['ownerReferences']).some(owner => fieldsOf(owner)['kind'] === 'Job')
  if (isOfJob && !nativeSidecars) {
    return skipped(
      'WouldNeverEnd',
      'This cluster has no native sidecars, and a Job with any other never ends: it is not injected. Kubernetes 1.29 has them.',
    )
  }
  return undefined
}

function isForWindows({ os, nodeSelector }: Fields): boolean {
  return fieldsOf(os)['name'] === 'windows' || fieldsOf(nodeSelector)['kubernetes.io/os'] === 'windows'
}

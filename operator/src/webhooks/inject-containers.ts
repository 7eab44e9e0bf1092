/** The two containers and two volumes that a pod is given. */
import { READY_PORT, STATS_PORT } from '@smi-mesh/dataplane/envoy'
import { FOLDERS, OPTIONS_VARIABLE, PROXY_GROUP, PROXY_ID, type SidecarOptions } from '@smi-mesh/dataplane/sidecar'
import { type Fields, fieldsOf } from '../facts/read.ts'
import type { InjectContext, ProxySettings } from './inject-context.ts'

export const INIT = 'smi-mesh-init'
export const PROXY = 'smi-mesh-proxy'
export const RUN_VOLUME = 'smi-mesh-run'
export const IDENTITY_VOLUME = 'smi-mesh-identity'
/** In every namespace of the mesh. */
export const TRUST_CONFIG_MAP = 'smi-mesh-trust'
/** To nobody else is a proxy's token worth anything. */
export const TOKEN_AUDIENCE = 'smi-mesh'

const CONFINED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  privileged: false,
  seccompProfile: { type: 'RuntimeDefault' },
}

/** Root with NET_ADMIN and nothing else, for the moment it takes to set rules. */
export function initContainer(
  { image, imagePullPolicy }: InjectContext,
  settings: ProxySettings,
  options: SidecarOptions,
): Fields {
  return {
    name: INIT,
    image,
    imagePullPolicy,
    command: ['smi-mesh-sidecar', 'init'],
    env: [{ name: OPTIONS_VARIABLE, value: expandable(options) }, ...placeVariables()],
    resources: initResources(settings),
    securityContext: {
      ...CONFINED,
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
    },
    volumeMounts: [{ name: RUN_VOLUME, mountPath: FOLDERS.run }],
  }
}

/** The processor is the proxy's: a quota asks a limit of each container. A program of Node.js has more need of memory than Envoy. */
function initResources({ cpuRequest, cpuLimit }: ProxySettings): Fields {
  return { requests: quantities(cpuRequest, '64Mi'), limits: quantities(cpuLimit, '256Mi') }
}

function placeVariables(): readonly Fields[] {
  const from = { POD_NAME: 'metadata.name', POD_NAMESPACE: 'metadata.namespace', POD_IPS: 'status.podIPs' }
  return Object.entries(from).map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } }))
}

export function proxyContainer(context: InjectContext, settings: ProxySettings, graceSeconds: number): Fields {
  const { image, imagePullPolicy, nativeSidecars } = context
  const ready = { httpGet: { path: '/ready', port: READY_PORT, scheme: 'HTTP' } }
  // What is left of the grace is for Envoy and the kubelet to end.
  const maximum = Math.max(1, Math.min(settings.drainSeconds, graceSeconds - 5))
  const least = ['--minimum', String(Math.min(5, maximum))]
  // A native sidecar ends after the application, which then needs it no more; a classic one ends beside it.
  const unserved = nativeSidecars ? ['--unserved', '0'] : []
  const drain = ['smi-mesh-sidecar', 'drain', ...least, ...unserved, '--maximum', String(maximum)]
  return {
    name: PROXY,
    image,
    imagePullPolicy,
    ...(nativeSidecars ? { restartPolicy: 'Always' } : {}),
    command: ['envoy'],
    args: [
      ...['--config-path', `${FOLDERS.run}/bootstrap.json`, '--disable-hot-restart'],
      ...['--concurrency', String(settings.concurrency), '--log-level', settings.logLevel],
      ...['--drain-time-s', String(maximum)],
    ],
    ports: [{ name: 'smi-mesh-stats', containerPort: STATS_PORT, protocol: 'TCP' }],
    ...(nativeSidecars ? { startupProbe: { ...ready, periodSeconds: 1, failureThreshold: 600 } } : {}),
    readinessProbe: { ...ready, periodSeconds: 5, failureThreshold: 3 },
    lifecycle: {
      ...(nativeSidecars ? {} : { postStart: { exec: { command: ['smi-mesh-sidecar', 'wait', '--maximum', '600'] } } }),
      preStop: { exec: { command: drain } },
    },
    resources: {
      requests: quantities(settings.cpuRequest, settings.memoryRequest),
      limits: quantities(settings.cpuLimit, settings.memoryLimit),
    },
    securityContext: {
      ...CONFINED,
      runAsUser: PROXY_ID,
      runAsGroup: PROXY_GROUP,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: RUN_VOLUME, mountPath: FOLDERS.run },
      { name: IDENTITY_VOLUME, mountPath: FOLDERS.identity, readOnly: true },
    ],
  }
}

/**
 * One of our containers in a pod that says for all of its containers together what they take (`spec.resources`): of that it asks
 * nothing for itself. "Pod-level requests must be >= aggregate requests of all containers", and limits no more than the pod's
 * (validation of Kubernetes); a limit alone would become a request.
 */
export function within(podResources: unknown, container: Fields): Fields {
  const { requests, limits } = fieldsOf(podResources)
  const together = new Set([...Object.keys(fieldsOf(requests)), ...Object.keys(fieldsOf(limits))])
  if (together.size === 0) return container
  const own = (quantities: unknown) =>
    Object.fromEntries(Object.entries(fieldsOf(quantities)).filter(([name]) => !together.has(name)))
  const resources = fieldsOf(container['resources'])
  return { ...container, resources: { requests: own(resources['requests']), limits: own(resources['limits']) } }
}

function quantities(cpu: string, memory: string): Fields {
  return { ...(cpu === '' ? {} : { cpu }), ...(memory === '' ? {} : { memory }) }
}

export function volumes(): readonly Fields[] {
  const token = { path: 'token', audience: TOKEN_AUDIENCE, expirationSeconds: 3600 }
  const roots = { name: TRUST_CONFIG_MAP, items: [{ key: 'roots.pem', path: 'roots.pem' }] }
  return [
    { name: RUN_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
    { name: IDENTITY_VOLUME, projected: { sources: [{ serviceAccountToken: token }, { configMap: roots }] } },
  ]
}

/** JSON without a dollar sign: the kubelet takes `$(NAME)` in a value for a variable. */
function expandable(options: SidecarOptions): string {
  return JSON.stringify(options).replaceAll('$', '\\u0024')
}

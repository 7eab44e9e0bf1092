/** What injection needs to know beside the pod. */
import type { SidecarOptions } from '@smi-mesh/dataplane/sidecar'

export interface InjectContext {
  /** Of the request: a pod that is being created may name none itself. */
  readonly namespace: string
  /** Whether the namespace has joined the mesh. */
  readonly joined: boolean
  readonly controlPlane: SidecarOptions['controlPlane']
  readonly image: string
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  /** Whether the nodes know init containers that restart always (Kubernetes 1.29). */
  readonly nativeSidecars: boolean
  /** Whether the nodes know hooks that sleep (Kubernetes 1.30). */
  readonly sleepingHooks: boolean
  readonly rules: SidecarOptions['rules']
  /** What nobody can guess, another one each time. */
  readonly hookToken: () => string
  /** Where an annotation says nothing. */
  readonly defaults: ProxySettings
}

/** Resources as Kubernetes quantities; empty: none is set. */
export interface ProxySettings {
  readonly cpuRequest: string
  readonly memoryRequest: string
  readonly cpuLimit: string
  readonly memoryLimit: string
  readonly logLevel: string
  /** Threads that carry traffic. */
  readonly concurrency: number
  /** How long connections may go on once the pod is told to end. */
  readonly drainSeconds: number
}

export const DEFAULT_PROXY_SETTINGS: ProxySettings = {
  cpuRequest: '10m',
  memoryRequest: '64Mi',
  cpuLimit: '',
  memoryLimit: '256Mi',
  logLevel: 'warning',
  concurrency: 2,
  drainSeconds: 25,
}

/** How settings are written, in annotations of pods and in options of the operator. */
export const SETTING_FORMS = {
  quantity: /^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi)?$/,
  level: /^(trace|debug|info|warning|error|critical|off)$/,
  threads: /^[1-9]\d?$/,
  seconds: /^\d{1,4}$/,
} as const

/** The part of a pod's spec that matters to a process of this machine, and what of it cannot be had here. Pure. */
import type { Port } from '@smi-mesh/dataplane/mesh'
import { isDocument } from '../sources/identify.ts'
import { at, listAt, numberAt, textAt, textsAt } from './fields.ts'

export interface PodSpec {
  readonly serviceAccount: string
  readonly containers: readonly Container[]
  /** How long a process may take to end after SIGTERM. */
  readonly graceMs: number
}

export interface Container {
  readonly name: string
  /** `command` and `args` as one, not yet expanded. */
  readonly command: readonly string[]
  /** Relative to the folder of the file; empty for that folder itself. */
  readonly workingDirectory: string
  readonly env: readonly EnvVariable[]
  readonly ports: readonly Port[]
  readonly readiness: Readiness
}

export interface EnvVariable {
  readonly name: string
  readonly value: { readonly kind: 'text'; readonly text: string } | { readonly kind: 'field'; readonly path: string }
}

/** When a container is ready: once it listens on its ports, or as its probe says. */
export type Readiness =
  | { readonly kind: 'listening' }
  | {
      readonly kind: 'http'
      readonly port: Port
      readonly path: string
      readonly headers: Readonly<Record<string, string>>
    }
  | { readonly kind: 'tcp'; readonly port: Port }

/** Something asked for that cannot be had here: the field and a sentence with what to do. */
export interface Refused {
  readonly field: string
  readonly message: string
}

export interface ReadPodSpec {
  /** Undefined where the pod cannot be run at all. */
  readonly spec: PodSpec | undefined
  readonly refused: readonly Refused[]
}

const DEFAULT_GRACE_SECONDS = 30

/** `processes`: everything must have a command, because it will be started. `addresses`: images will do, nothing is started. */
export type Purpose = 'processes' | 'addresses'

export function readPodSpec(manifest: unknown, field: string, purpose: Purpose): ReadPodSpec {
  const refused: Refused[] = []
  const containers = listAt(manifest, 'containers').map((container, index) =>
    readContainer(container, `${field}.containers[${index}]`, purpose, refused),
  )
  if (containers.length === 0) {
    refused.push({
      field: `${field}.containers`,
      message: 'There is no container to run. Add one with a `name` and a `command`.',
    })
  }
  if (listAt(manifest, 'initContainers').length > 0) {
    const message = 'Init containers are not run here. Do their work in the command, or before starting.'
    refused.push({ field: `${field}.initContainers`, message })
  }
  const runnable = containers.filter(container => container !== undefined)
  const serviceAccount = textAt(manifest, 'serviceAccountName') ?? textAt(manifest, 'serviceAccount') ?? 'default'
  const graceMs = Math.max(0, numberAt(manifest, 'terminationGracePeriodSeconds') ?? DEFAULT_GRACE_SECONDS) * 1000
  const isRunnable = runnable.length > 0 && runnable.length === containers.length
  return { spec: isRunnable ? { serviceAccount, containers: runnable, graceMs } : undefined, refused }
}

function readContainer(container: unknown, field: string, purpose: Purpose, refused: Refused[]): Container | undefined {
  const name = textAt(container, 'name') ?? 'app'
  const command = [...textsAt(container, 'command'), ...textsAt(container, 'args')]
  if (purpose === 'processes' && textsAt(container, 'command').length === 0) {
    const message = `Container ${name} has no command, and images are not run here. Add \`command\`, a program of this machine.`
    refused.push({ field: `${field}.command`, message })
    return undefined
  }
  if (listAt(container, 'envFrom').length > 0) {
    refused.push({
      field: `${field}.envFrom`,
      message: 'ConfigMaps and Secrets are not read here. Write the variables under `env`.',
    })
  }
  const ports = listAt(container, 'ports').flatMap(port => {
    const number = numberAt(port, 'containerPort')
    return number !== undefined && isPort(number) && (textAt(port, 'protocol') ?? 'TCP') === 'TCP' ? [number] : []
  })
  return {
    name,
    command,
    workingDirectory: textAt(container, 'workingDir') ?? '',
    env: listAt(container, 'env').flatMap((entry, index) => readVariable(entry, `${field}.env[${index}]`, refused)),
    ports: [...new Set(ports)].sort((a, b) => a - b),
    readiness: readReadiness(container, field, refused),
  }
}

function readVariable(entry: unknown, field: string, refused: Refused[]): readonly EnvVariable[] {
  const name = textAt(entry, 'name')
  if (name === undefined) {
    refused.push({ field: `${field}.name`, message: 'This variable has no name. Add one, or remove the entry.' })
    return []
  }
  const path = textAt(entry, 'valueFrom.fieldRef.fieldPath')
  if (path !== undefined) return [{ name, value: { kind: 'field', path } }]
  if (isDocument(at(entry, 'valueFrom'))) {
    const message = `Variable ${name} comes from a ConfigMap, a Secret or a resource, which are not read here. Write its \`value\`.`
    refused.push({ field: `${field}.valueFrom`, message })
    return []
  }
  const value = at(entry, 'value') ?? ''
  if (typeof value === 'object') {
    refused.push({ field: `${field}.value`, message: `The value of ${name} is no text. Quote it.` })
    return []
  }
  return [{ name, value: { kind: 'text', text: String(value) } }]
}

function readReadiness(container: unknown, field: string, refused: Refused[]): Readiness {
  const probe = at(container, 'readinessProbe')
  if (!isDocument(probe)) return { kind: 'listening' }
  const kind = isDocument(probe['httpGet']) ? 'http' : isDocument(probe['tcpSocket']) ? 'tcp' : undefined
  const named = kind === 'http' ? at(probe, 'httpGet.port') : at(probe, 'tcpSocket.port')
  const port = kind === undefined ? undefined : portNumber(container, named)
  if (kind === undefined || port === undefined) {
    const message =
      'Only httpGet and tcpSocket probes of a port of the container are asked here. The pod is ready once it listens.'
    refused.push({ field: `${field}.readinessProbe`, message })
    return { kind: 'listening' }
  }
  if (kind === 'tcp') return { kind, port }
  const headers = listAt(probe, 'httpGet.httpHeaders').flatMap(header => {
    const name = textAt(header, 'name')
    return name === undefined ? [] : [[name, textAt(header, 'value') ?? ''] as const]
  })
  return { kind, port, path: textAt(probe, 'httpGet.path') ?? '/', headers: Object.fromEntries(headers) }
}

/** A port by its number or by the name it has in the container. */
function portNumber(container: unknown, port: unknown): Port | undefined {
  if (typeof port === 'number') return isPort(port) ? port : undefined
  const named = listAt(container, 'ports').find(candidate => textAt(candidate, 'name') === port)
  return named === undefined ? undefined : numberAt(named, 'containerPort')
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}

/**
 * What the injector tells a pod's first init container, and how that reads it: JSON in the variable `SMI_MESH_SIDECAR`, and what
 * the kubelet alone knows in variables of its own.
 */
import type { Probe } from '../envoy/index.ts'
import { parseSpiffeId, type SpiffeId } from '../mesh/identity.ts'
import type { RulesBackend } from './apply-rules.ts'
import type { Capture } from './capture.ts'
import { familyOf } from './capture.ts'
import { type Fields, fieldsOf, list, number, numbers, oneOf, text, texts } from './fields.ts'
import { SidecarError } from './sidecar-error.ts'

export interface SidecarOptions {
  readonly controlPlane: { readonly address: string; readonly port: number; readonly identity: SpiffeId }
  /** The name people see in `/server_info`: whose proxy this is. */
  readonly workload: string
  readonly capture: Capture
  readonly rules: RulesBackend | 'auto'
  readonly probes: readonly Probe[]
}

/** What is known only once the pod has been placed. */
export interface PodPlace {
  readonly name: string
  readonly namespace: string
  /** Its own address first, then one of the other family where it has one. */
  readonly ips: readonly string[]
}

export const OPTIONS_VARIABLE = 'SMI_MESH_SIDECAR'

type Environment = Readonly<Record<string, string | undefined>>

export function podPlace(env: Environment): PodPlace {
  const ips = required(env, 'POD_IPS').split(',')
  return { name: required(env, 'POD_NAME'), namespace: required(env, 'POD_NAMESPACE'), ips }
}

export function hasIpv6({ ips }: PodPlace): boolean {
  return ips.some(ip => familyOf(ip) === 'ipv6')
}

function required(env: Environment, name: string): string {
  const value = env[name] ?? ''
  if (value === '')
    throw new SidecarError(
      `The variable ${name} is not set. The pod was not written by this injector: inject it again.`,
    )
  return value
}

export function sidecarOptions(env: Environment): SidecarOptions {
  const json = required(env, OPTIONS_VARIABLE)
  try {
    return optionsOf(fieldsOf(JSON.parse(json), OPTIONS_VARIABLE))
  } catch (error) {
    const detail =
      error instanceof SyntaxError ? 'it is no JSON.' : error instanceof SidecarError ? error.message : undefined
    if (detail === undefined) throw error
    throw new SidecarError(
      `The variable ${OPTIONS_VARIABLE} cannot be used: ${detail} Injector and image must be of one version.`,
    )
  }
}

function optionsOf(fields: Fields): SidecarOptions {
  const plane = fieldsOf(fields['controlPlane'], 'controlPlane')
  return {
    controlPlane: {
      address: text(plane['address'], 'controlPlane.address'),
      port: number(plane['port'], 'controlPlane.port'),
      identity: identityOf(plane['identity']),
    },
    workload: text(fields['workload'], 'workload'),
    capture: captureOf(fieldsOf(fields['capture'], 'capture')),
    rules: oneOf(fields['rules'], 'rules', ['auto', 'nft', 'iptables']),
    probes: list(fields['probes'], 'probes').map(probeOf),
  }
}

function identityOf(value: unknown): SpiffeId {
  const parsed = parseSpiffeId(text(value, 'controlPlane.identity'))
  if (parsed === undefined) throw new SidecarError('controlPlane.identity is no SPIFFE ID.')
  return parsed.id
}

function captureOf(fields: Fields): Capture {
  const inbound = fieldsOf(fields['inbound'], 'capture.inbound')
  const outbound = fieldsOf(fields['outbound'], 'capture.outbound')
  return {
    inbound: {
      ports: inbound['ports'] === 'all' ? 'all' : numbers(inbound['ports'], 'capture.inbound.ports'),
      exceptPorts: numbers(inbound['exceptPorts'], 'capture.inbound.exceptPorts'),
    },
    outbound: {
      ranges: outbound['ranges'] === 'all' ? 'all' : texts(outbound['ranges'], 'capture.outbound.ranges'),
      exceptRanges: texts(outbound['exceptRanges'], 'capture.outbound.exceptRanges'),
      exceptPorts: numbers(outbound['exceptPorts'], 'capture.outbound.exceptPorts'),
    },
  }
}

function probeOf(value: unknown, index: number): Probe {
  const at = `probes[${index}]`
  const fields = fieldsOf(value, at)
  const common = {
    path: text(fields['path'], `${at}.path`),
    port: number(fields['port'], `${at}.port`),
    timeoutS: number(fields['timeoutS'], `${at}.timeoutS`),
  }
  const kind = oneOf(fields['kind'], `${at}.kind`, ['http', 'tcp', 'grpc'])
  if (kind === 'http') {
    const scheme = oneOf(fields['scheme'], `${at}.scheme`, ['HTTP', 'HTTPS'])
    return { ...common, kind, scheme, target: text(fields['target'], `${at}.target`) }
  }
  const periodS = number(fields['periodS'], `${at}.periodS`)
  if (kind === 'tcp') return { ...common, kind, periodS }
  return { ...common, kind, periodS, service: text(fields['service'], `${at}.service`) }
}

/** Plain objects as a user would write them, for worlds that are made up. Nothing here checks whether they make sense. */
import type { Name, RawObject } from '../world.ts'

export interface PodOptions {
  readonly account: string
  readonly subnet: number
  readonly labels?: Readonly<Record<string, string>>
  readonly ready?: boolean
  readonly meshed?: boolean
  /** By name; the names Services may point at. */
  readonly ports?: Readonly<Record<string, number>>
}

/** A pod that is processes of this machine: see `loopback.ts` of the mesh for its addresses. */
export function podObject({ namespace, name }: Name, options: PodOptions): RawObject {
  const { account, subnet, labels = {}, ready = true, meshed = true, ports = {} } = options
  const containerPorts = Object.entries(ports).map(([portName, containerPort]) => ({ name: portName, containerPort }))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels, ...(meshed ? {} : { annotations: { 'smi-mesh.dev/inject': 'disabled' } }) },
    spec: { serviceAccountName: account, containers: [{ name: 'app', ports: containerPorts }] },
    status: {
      phase: 'Running',
      podIP: `127.${subnet}.0.1`,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  }
}

export interface PortOptions {
  readonly port: number
  readonly targetPort?: number | string
  readonly name?: string
  readonly appProtocol?: string
}

export function serviceObject(
  { namespace, name }: Name,
  clusterIP: string,
  selector: Readonly<Record<string, string>>,
  ports: readonly PortOptions[],
): RawObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { clusterIP, selector, ports } }
}

export function namespaceObject(name: string, annotations: Readonly<Record<string, string>> = {}): RawObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations } }
}

export function accountObject({ namespace, name }: Name): RawObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } }
}

const GROUPS: Readonly<Record<string, string>> = {
  TrafficSplit: 'split.smi-spec.io',
  TrafficTarget: 'access.smi-spec.io',
  IdentityBinding: 'access.smi-spec.io',
  HTTPRouteGroup: 'specs.smi-spec.io',
  TCPRoute: 'specs.smi-spec.io',
  UDPRoute: 'specs.smi-spec.io',
}

/** An SMI object of a version; `body` is all but its metadata, as that version has it. */
export function smiObject(kind: string, version: string, name: Name, body: RawObject, createdAt = ''): RawObject {
  const creationTimestamp = createdAt === '' ? {} : { creationTimestamp: createdAt }
  return { apiVersion: `${GROUPS[kind]}/${version}`, kind, metadata: { ...name, ...creationTimestamp }, ...body }
}

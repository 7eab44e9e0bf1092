/** What a set of identical pods listens on: the ports their containers declare and those that Services send to. */
import {
  type InboundPort,
  type PodKey,
  type Protocol,
  type ServiceKey,
  type SpiffeId,
  type Workload,
  type WorkloadKey,
  type WorkloadPortKey,
  workloadPortKey,
} from '@smi-mesh/dataplane/mesh'
import type { NameKey } from '../facts/fact-tables.ts'
import type { ServiceFacts } from '../facts/facts.ts'
import { targetPort } from './endpoints.ts'
import { type Compiled, compareText, type Finding, finding } from './finding.ts'
import type { PodTraits } from './pod.ts'
import { protocolOf } from './protocol.ts'

/** A workload and what access control has to know of each of its ports. */
export interface CompiledWorkload {
  readonly workload: Workload
  readonly ports: readonly WorkloadPort[]
}

export interface WorkloadPort {
  readonly workload: WorkloadKey
  readonly port: number
  readonly protocol: Protocol
  readonly namespace: string
  readonly account: NameKey
  readonly identity: SpiffeId
  /** The ports of Services that lead here, sorted. */
  readonly servicePorts: readonly number[]
}

/** What may be looked at to compile a workload. */
export interface WorkloadScenery {
  readonly traits: (pod: PodKey) => PodTraits | undefined
  readonly servicesOfPod: (pod: PodKey) => readonly ServiceKey[] | undefined
  readonly services: (service: ServiceKey) => ServiceFacts | undefined
}

/** Undefined where none of the pods is in the mesh. */
export function compileWorkload(
  key: WorkloadKey,
  members: ReadonlySet<PodKey>,
  scenery: WorkloadScenery,
): Compiled<CompiledWorkload> | undefined {
  const pods = [...members].sort()
  const one = pods.map(scenery.traits).find(traits => traits !== undefined)
  if (one === undefined) return undefined
  const services = [...new Set(pods.flatMap(pod => scenery.servicesOfPod(pod) ?? []))].flatMap(
    service => scenery.services(service) ?? [],
  )
  const findings: Finding[] = []
  const listening = listeningOn(one, services.sort(byAge), findings)
  const inbound: readonly InboundPort[] = listening.map(({ port, protocol }) => ({ port, protocol }))
  const { identity, owner, capture, namespace, account } = one
  const from = [owner, ...services.map(service => service.ref).sort((a, b) => compareText(a.name, b.name))]
  const workload: Workload = { key, identity, owner, capture, inbound, from }
  return {
    value: { workload, ports: listening.map(each => ({ workload: key, namespace, account, identity, ...each })) },
    findings,
  }
}

/** Who was there first is believed. */
function byAge(a: ServiceFacts, b: ServiceFacts): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.key, b.key)
}

interface Listening {
  readonly port: number
  readonly protocol: Protocol
  readonly servicePorts: readonly number[]
}

interface Claim {
  readonly service: ServiceFacts
  readonly servicePort: number
  readonly protocol: Protocol
}

function listeningOn(one: PodTraits, services: readonly ServiceFacts[], findings: Finding[]): readonly Listening[] {
  const claims = new Map<number, Claim[]>(one.ports.map(({ port }) => [port, []]))
  for (const service of services) {
    for (const port of service.ports) {
      const target = targetPort(port, one)
      if (target === undefined) continue // reported by the endpoints of the Service
      const claim = { service, servicePort: port.port, protocol: protocolOf(port) }
      claims.set(target, [...(claims.get(target) ?? []), claim])
    }
  }
  return [...claims]
    .sort(([a], [b]) => a - b)
    .map(([port, made]) => ({
      port,
      protocol: agreed(port, made, findings) ?? protocolOf({ port, appProtocol: '', name: nameOf(one, port) }),
      servicePorts: [...new Set(made.map(({ servicePort }) => servicePort))].sort((a, b) => a - b),
    }))
}

function nameOf(one: PodTraits, port: number): string {
  return one.ports.find(each => each.port === port)?.name ?? ''
}

/** What the oldest Service says that says anything; undefined where none does. */
function agreed(port: number, claims: readonly Claim[], findings: Finding[]): Protocol | undefined {
  const [first, ...others] = claims.filter(({ protocol }) => protocol !== 'auto')
  for (const { service, protocol, servicePort } of others) {
    if (first === undefined || protocol === first.protocol) continue
    const message = `It says ${protocol} of port ${port} of its pods, and Service ${first.service.key}, which is older, says ${first.protocol}. Give both the same appProtocol.`
    findings.push(finding(service.ref, 'ProtocolConflict', `spec.ports[${servicePort}]`, message))
  }
  return first?.protocol
}

/** Rows for the table of what access control looks at. */
export function workloadPortRows({ ports }: CompiledWorkload): readonly (readonly [WorkloadPortKey, WorkloadPort])[] {
  return ports.map(port => [workloadPortKey(port.workload, port.port), port] as const)
}

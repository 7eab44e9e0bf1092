/**
 * Who may use one inbound port of a workload: the union of what all TrafficTargets of its ServiceAccount allow there. There is
 * no rule that denies and no order among them; without any, `enforce` lets no identity in.
 */
import type { Access, AccessRule, MeshConfig, Port, WorkloadPortKey } from '@smi-mesh/dataplane/mesh'
import type { NameKey } from '../facts/fact-tables.ts'
import type { NamespaceFacts } from '../facts/facts.ts'
import { type Compiled, compareText, type Finding, finding } from './finding.ts'
import type { Grant, GrantRule } from './grant.ts'
import type { WorkloadPort } from './workload.ts'

/** What may be looked at to compile access. */
export interface AccessScenery {
  readonly namespaces: (namespace: string) => NamespaceFacts | undefined
  readonly grantsByDestination: (account: NameKey) => ReadonlySet<NameKey>
  readonly grants: (target: NameKey) => Grant | undefined
}

/** How a namespace decides about access. */
export function modeOf(
  namespace: NamespaceFacts | undefined,
  config: MeshConfig,
): Pick<Access, 'mode' | 'unidentified'> {
  const mode = namespace?.access ?? config.access
  return { mode, unidentified: namespace?.unidentified ?? (mode === 'enforce' ? 'deny' : 'allow') }
}

export function compileAccess(
  key: WorkloadPortKey,
  port: WorkloadPort,
  scenery: AccessScenery,
  config: MeshConfig,
): Compiled<Access> {
  const findings: Finding[] = []
  const grants = [...scenery.grantsByDestination(port.account)].flatMap(target => scenery.grants(target) ?? [])
  const rules = grants.flatMap(grant => rulesAt(grant, port, findings)).sort((a, b) => compareText(a.name, b.name))
  return { value: { key, ...modeOf(scenery.namespaces(port.namespace), config), rules }, findings }
}

/** A port is listed by its number on the pod or on a Service that leads to it: the text says "port of the service", and pods are what is guarded. */
function opens(ports: readonly Port[] | 'all', { port, servicePorts }: WorkloadPort): boolean {
  return ports === 'all' || ports.includes(port) || servicePorts.some(servicePort => ports.includes(servicePort))
}

function rulesAt(
  { ref, sources, port: only, rules }: Grant,
  port: WorkloadPort,
  findings: Finding[],
): readonly AccessRule[] {
  if (sources.length === 0 || !opens(only === 'all' ? 'all' : [only], port)) return []
  const here = rules.filter(rule => opens(rule.ports, port))
  const provable = here.filter(rule => port.protocol !== 'tcp' || !needsHttp(rule))
  // Said where the author listed the port: a target that means other ports of the same pods is not at fault.
  if (provable.length < here.length && (only !== 'all' || here.some(rule => needsHttp(rule) && rule.ports !== 'all'))) {
    const message = `Port ${port.port} of ServiceAccount ${port.account} carries bytes, in which no path, method or header can be seen; the HTTP rules allow nothing there. Set appProtocol: http on the Service port, or list a TCPRoute alone.`
    findings.push(finding(ref, 'MatchNeedsHttp', 'spec.rules', message))
  }
  return provable.map(({ name, matches, from }) => ({ name, sources, matches, from }))
}

function needsHttp({ matches }: GrantRule): boolean {
  return matches.every(match => match.kind === 'http')
}

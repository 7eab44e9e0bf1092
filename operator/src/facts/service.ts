/** Service → facts: names, addresses, ports and selector. Services of type ExternalName are none of the mesh's. */
import { isIP } from 'node:net'
import { ip, type ObjectRef, type ServiceAddress, serviceKey } from '@smi-mesh/dataplane/mesh'
import { type Finding, finding } from '../compile/finding.ts'
import type { ServiceFacts, ServicePortFacts } from './facts.ts'
import { type Fields, fieldsOf, listOf, portOf, textOf, textsOf } from './read.ts'
import { quoted, type Reduced, reduced } from './reduced.ts'

export function serviceFacts(ref: ObjectRef, object: unknown): Reduced<ServiceFacts> {
  const spec = fieldsOf(fieldsOf(object)['spec'])
  if (spec['type'] === 'ExternalName') return { kind: 'none' }
  const findings: Finding[] = []
  const facts: ServiceFacts = {
    key: serviceKey(ref.namespace, ref.name),
    ref,
    createdAt: textOf(fieldsOf(fieldsOf(object)['metadata'])['creationTimestamp']),
    address: addressOf(spec),
    selector: textsOf(spec['selector']),
    publishNotReady: spec['publishNotReadyAddresses'] === true,
    ports: portsOf(ref, listOf(spec['ports']), findings),
  }
  return reduced(facts, findings)
}

function addressOf(spec: Fields): ServiceAddress {
  const given = [...listOf(spec['clusterIPs']), spec['clusterIP']].filter(address => typeof address === 'string')
  if (given.includes('None')) return { kind: 'headless' }
  return { kind: 'clusterIP', ips: [...new Set(given.filter(address => isIP(address) !== 0))].map(ip) }
}

function portsOf(ref: ObjectRef, ports: readonly unknown[], findings: Finding[]): readonly ServicePortFacts[] {
  const byNumber = new Map<number, ServicePortFacts>()
  for (const [index, value] of ports.entries()) {
    const fields = fieldsOf(value)
    if (textOf(fields['protocol'], 'TCP') !== 'TCP') continue
    const port = portOf(fields['port'])
    if (port === undefined) {
      const message = `Port ${quoted(fields['port'])} is no port number; it is left out. Write a number from 1 to 65535.`
      findings.push(finding(ref, 'SchemaViolation', `spec.ports[${index}].port`, message))
      continue
    }
    const target = fields['targetPort']
    const targetPort = portOf(target) ?? (textOf(target) === '' ? port : targetOf(textOf(target)))
    byNumber.set(port, { port, name: textOf(fields['name']), appProtocol: textOf(fields['appProtocol']), targetPort })
  }
  return [...byNumber.values()].sort((a, b) => a.port - b.port)
}

/** A quoted number means the number: names of ports have a letter. */
function targetOf(text: string): number | string {
  return portOf(Number(text)) ?? text
}

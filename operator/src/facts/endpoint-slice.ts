/** EndpointSlice → facts: addresses behind a Service, with what Kubernetes knows of their health. */
import { isIP } from 'node:net'
import { ip, type ObjectRef, podKey, serviceKey } from '@smi-mesh/dataplane/mesh'
import type { EndpointSliceFacts, SliceEndpoint, SlicePort } from './facts.ts'
import { fieldsOf, listOf, portOf, textOf, truthOf } from './read.ts'
import { type Reduced, reduced } from './reduced.ts'

const SERVICE = 'kubernetes.io/service-name'

/** Slices of no Service, and those of domain names, concern nobody here. */
export function endpointSliceFacts(ref: ObjectRef, object: unknown): Reduced<EndpointSliceFacts> {
  const fields = fieldsOf(object)
  const service = textOf(fieldsOf(fieldsOf(fields['metadata'])['labels'])[SERVICE])
  const family = textOf(fields['addressType'], 'IPv4')
  if (service === '' || (family !== 'IPv4' && family !== 'IPv6')) return { kind: 'none' }
  return reduced({
    service: serviceKey(ref.namespace, service),
    family,
    ports: listOf(fields['ports']).flatMap(slicePort),
    endpoints: listOf(fields['endpoints']).flatMap(endpoint => sliceEndpoint(ref.namespace, endpoint)),
  })
}

function slicePort(value: unknown): readonly SlicePort[] {
  const fields = fieldsOf(value)
  const port = portOf(fields['port'])
  return port === undefined || textOf(fields['protocol'], 'TCP') !== 'TCP'
    ? []
    : [{ name: textOf(fields['name']), port }]
}

/** An unknown condition means ready (EndpointConditions: "nil should be interpreted as true"). */
function sliceEndpoint(namespace: string, value: unknown): readonly SliceEndpoint[] {
  const fields = fieldsOf(value)
  const address = textOf(listOf(fields['addresses'])[0])
  if (isIP(address) === 0) return []
  const conditions = fieldsOf(fields['conditions'])
  const target = fieldsOf(fields['targetRef'])
  const ready = truthOf(conditions['ready']) ?? true
  const pod = target['kind'] === 'Pod' ? textOf(target['name']) : ''
  return [
    {
      ip: ip(address),
      pod: pod === '' ? undefined : podKey(namespace, pod),
      ready,
      serving: truthOf(conditions['serving']) ?? ready,
      terminating: truthOf(conditions['terminating']) ?? false,
      zone: textOf(fields['zone']),
      hostname: textOf(fields['hostname']),
    },
  ]
}

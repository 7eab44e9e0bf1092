/** Where requests can be sent, as lines for a person. Pure. */
import { loopbackPort, podAddress } from '@smi-mesh/dataplane/mesh'
import type { DesiredPod } from './desired.ts'
import type { ServiceAddress } from './environment.ts'

/** Where a pod answers, its proxy first: `127.4.0.1:8080`, or the address alone where it declares no port. */
export function podWhere(pod: DesiredPod, subnet: number): string {
  const address = podAddress(subnet)
  const ports = pod.spec.containers.flatMap(container => container.ports)
  return ports.length === 0 ? address : ports.map(port => `${address}:${port}`).join(' and ')
}

/** Under which address pods reach a Service. Each pod has one of its own, so the number of the asking pod stands as `P`. */
export function serviceWhere({ namespace, name, clusterIp, ports }: ServiceAddress): string {
  const address = clusterIp.replace(/^127\.0\./, '127.P.')
  const where = ports.map(({ port }) => `${address}:${loopbackPort(port)}`).join(' and ')
  return `Service ${namespace}/${name}: the pod at 127.P.0.1 reaches it at ${where}`
}

/** The variables and the command line a process is given, as Kubernetes would make them. Pure. */
import {
  applicationAddress,
  clusterAddressSeenBy,
  type Ip,
  loopbackPort,
  type Port,
  podAddress,
} from '@smi-mesh/dataplane/mesh'
import { type DesiredPod, isMeshed } from './desired.ts'
import type { Container } from './pod-spec.ts'

/** A Service with a cluster IP, as far as variables speak of it. */
export interface ServiceAddress {
  readonly namespace: string
  readonly name: string
  readonly clusterIp: string
  readonly ports: readonly { readonly port: Port; readonly name: string }[]
}

export interface ProcessStart {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/**
 * What one container of a pod is started with. Later wins: `base`, Services of other namespaces (as `<NS>_<SVC>_SERVICE_HOST`,
 * ours), Services of its own namespace (as in Kubernetes), `POD_IP`, `HOST` and `PORT`, and what the container itself says.
 */
export function processStart(
  pod: DesiredPod,
  container: Container,
  subnet: number,
  services: readonly ServiceAddress[],
  base: Readonly<Record<string, string>>,
): ProcessStart {
  const address = listenAddress(pod, subnet)
  const env: Record<string, string> = { ...base }
  for (const service of services)
    Object.assign(env, serviceVariables(service, subnet, `${service.namespace}-${service.name}`))
  for (const service of services) {
    if (service.namespace === pod.namespace) Object.assign(env, serviceVariables(service, subnet, service.name))
  }
  env['POD_IP'] = address
  env['HOST'] = address
  const port = container.ports[0]
  if (port !== undefined) env['PORT'] = String(port)
  for (const { name, value } of container.env) {
    env[name] = value.kind === 'text' ? substitute(value.text, env) : (fieldOf(pod, value.path, address) ?? '')
  }
  return { command: container.command.map(part => substitute(part, env)), env }
}

/** Where the processes of a pod listen: behind its proxy, or in the place of one. */
export function listenAddress(pod: DesiredPod, subnet: number): Ip {
  return isMeshed(pod) ? applicationAddress(subnet) : podAddress(subnet)
}

/** `WEB_SERVICE_HOST` and the rest of what Kubernetes tells of a Service, as seen from one pod. */
function serviceVariables(service: ServiceAddress, subnet: number, name: string): Readonly<Record<string, string>> {
  const host = clusterAddressSeenBy(subnet, service.clusterIp)
  const first = service.ports[0]
  if (host === undefined || first === undefined) return {}
  const prefix = variableName(name)
  const at = (port: Port) => `tcp://${host}:${loopbackPort(port)}`
  const variables: Record<string, string> = {
    [`${prefix}_SERVICE_HOST`]: host,
    [`${prefix}_SERVICE_PORT`]: String(loopbackPort(first.port)),
    [`${prefix}_PORT`]: at(first.port),
  }
  for (const { port, name: portName } of service.ports) {
    if (portName !== '') variables[`${prefix}_SERVICE_PORT_${variableName(portName)}`] = String(loopbackPort(port))
    variables[`${prefix}_PORT_${port}_TCP`] = at(port)
    variables[`${prefix}_PORT_${port}_TCP_PROTO`] = 'tcp'
    variables[`${prefix}_PORT_${port}_TCP_PORT`] = String(loopbackPort(port))
    variables[`${prefix}_PORT_${port}_TCP_ADDR`] = host
  }
  return variables
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')
}

/** The downward API. An application is at its own address; its pod's address is its proxy's. */
function fieldOf(pod: DesiredPod, path: string, address: string): string | undefined {
  const [, map, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? []
  if (map === 'labels' && key !== undefined) return pod.labels[key]
  if (map === 'annotations' && key !== undefined) return pod.annotations[key]
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': pod.name,
    'metadata.namespace': pod.namespace,
    'spec.serviceAccountName': pod.spec.serviceAccount,
    'spec.nodeName': 'localhost',
    'status.podIP': address,
    'status.podIPs': address,
    'status.hostIP': '127.0.0.1',
  }
  return fields[path]
}

/** Replaces `$(NAME)`. `$$(NAME)` stands for the text `$(NAME)`; what is not defined stays as it is written. */
export function substitute(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)/g, (found, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? found),
  )
}

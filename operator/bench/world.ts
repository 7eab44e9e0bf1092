/** A synthetic mesh of any size, as the Kubernetes objects a user would have. Deterministic. */

export interface WorldSize {
  readonly services: number
  readonly podsPerService: number
}

/** Twenty services share a namespace; each may be called by two others; every tenth is the apex of a split. */
export function world({ services, podsPerService }: WorldSize): readonly object[] {
  const objects: object[] = []
  for (let n = 0; n < services; n += 20) objects.push(namespace(namespaceOf(n)), everyRequest(namespaceOf(n)))
  for (let n = 0; n < services; n++) {
    objects.push(serviceAccount(n), service(n), slice(n, podsPerService), target(n, services))
    for (let p = 0; p < podsPerService; p++) objects.push(pod(n, p))
    if (n % 10 === 0 && n + 1 < services) objects.push(split(n, 90))
  }
  return objects
}

export const namespaceOf = (service: number): string => `ns-${Math.floor(service / 20)}`
export const podName = (service: number, index: number): string => `svc-${service}-7d4b9c6f5-${index}`

const meta = (service: number, name: string) => ({ name, namespace: namespaceOf(service) })
const podIp = (service: number, index: number): string => {
  const at = service * 16 + index
  return `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`
}

function namespace(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

function serviceAccount(n: number): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(n, `sa-${n}`) }
}

function service(n: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(n, `svc-${n}`),
    spec: {
      clusterIP: `172.20.${(n >> 8) & 255}.${n & 255}`,
      selector: { app: `svc-${n}` },
      ports: [{ name: 'http', port: 8080, targetPort: 8080 }],
    },
  }
}

export function pod(n: number, index: number, ip = podIp(n, index)): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...meta(n, podName(n, index)),
      labels: { app: `svc-${n}`, 'pod-template-hash': '7d4b9c6f5' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `svc-${n}-7d4b9c6f5`, controller: true }],
    },
    spec: {
      serviceAccountName: `sa-${n}`,
      containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080 }] }],
    },
    status: { phase: 'Running', podIP: ip, conditions: [{ type: 'Ready', status: 'True' }] },
  }
}

/** The endpoints of a service; with `moved`, the first pod has another address. */
export function slice(n: number, pods: number, moved = 0): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...meta(n, `svc-${n}-abc`), labels: { 'kubernetes.io/service-name': `svc-${n}` } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: pods }, (_, p) => ({
      addresses: [p === 0 && moved > 0 ? `11.0.0.${moved}` : podIp(n, p)],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', ...meta(n, podName(n, p)) },
    })),
  }
}

/** A split of an apex between itself and its neighbour. */
export function split(n: number, weight: number): object {
  return {
    apiVersion: 'split.smi-spec.io/v1alpha4',
    kind: 'TrafficSplit',
    metadata: meta(n, `split-${n}`),
    spec: {
      service: `svc-${n}`,
      backends: [
        { service: `svc-${n}`, weight },
        { service: `svc-${n + 1}`, weight: 100 - weight },
      ],
    },
  }
}

function everyRequest(namespace: string): object {
  return {
    apiVersion: 'specs.smi-spec.io/v1alpha4',
    kind: 'HTTPRouteGroup',
    metadata: { name: 'api', namespace },
    spec: { matches: [{ name: 'api', pathRegex: '/api', methods: ['GET', 'POST'] }] },
  }
}

/** Two callers may use a service; `caller` replaces the first. */
export function target(n: number, services: number, caller = (n + 1) % services): object {
  const source = (service: number) => ({
    kind: 'ServiceAccount',
    name: `sa-${service}`,
    namespace: namespaceOf(service),
  })
  return {
    apiVersion: 'access.smi-spec.io/v1alpha3',
    kind: 'TrafficTarget',
    metadata: meta(n, `target-${n}`),
    spec: {
      destination: { kind: 'ServiceAccount', name: `sa-${n}`, namespace: namespaceOf(n) },
      sources: [source(caller), source((n + 7) % services)],
      rules: [{ kind: 'HTTPRouteGroup', name: 'api', matches: ['api'] }],
    },
  }
}

/** What is followed in a cluster when its size is measured: Services of five pods each, which kwok makes ready and nobody runs. */

export interface ClusterSize {
  readonly services: number
  readonly podsPerService: number
}

const SERVICES_PER_NAMESPACE = 20
/** A service that every proxy is told of, since its namespace has no access control. */
export const EVERYONE = 'everyone'
/** By which all that is made here is found. */
const MARK = { 'app.kubernetes.io/part-of': 'smi-mesh-bench' }

export const namespaceOf = (service: number): string => `scale-${Math.floor(service / SERVICES_PER_NAMESPACE)}`
export const serviceName = (service: number): string => `svc-${service}`
export const accountName = (service: number): string => `sa-${service}`

/** Namespaces first, pods last: what an object needs stands before it. Twenty Services a namespace, two callers a Service. */
export function clusterWorld({ services, podsPerService }: ClusterSize): readonly object[] {
  const numbers = Array.from({ length: services }, (_, n) => n)
  const namespaces = [...new Set(numbers.map(namespaceOf))]
  return [
    ...namespaces.flatMap(name => [namespace(name, {}), everyRequest(name)]),
    namespace(EVERYONE, { 'smi-mesh.dev/access': 'permissive' }),
    ...['apex', 'blue', 'green'].map(name => service(EVERYONE, name)),
    split(EVERYONE, 'split', 'apex', ['blue', 'green'], 50),
    ...numbers.flatMap(n => [account(n), service(namespaceOf(n), serviceName(n)), target(n, services)]),
    ...numbers.filter(n => n % 10 === 0 && n + 1 < services).map(n => splitOf(n, 50)),
    ...numbers.map(n => deployment(n, podsPerService)),
  ]
}

/** A split of a Service between itself and the next; `weight` of a hundred stays. */
export function splitOf(n: number, weight: number): object {
  return split(namespaceOf(n), `split-${n}`, serviceName(n), [serviceName(n), serviceName(n + 1)], weight)
}

/** A split that concerns every proxy. */
export function splitOfEveryone(weight: number): object {
  return split(EVERYONE, 'split', 'apex', ['blue', 'green'], weight)
}

/** A pod as a controller makes it, with what a real one brings along. */
export function podTemplate(n: number): object {
  return {
    metadata: { labels: { app: serviceName(n) }, annotations: { 'example.com/checksum': 'c'.repeat(64) } },
    spec: {
      serviceAccountName: accountName(n),
      nodeSelector: { type: 'kwok' },
      tolerations: [{ key: 'kwok.x-k8s.io/node', operator: 'Exists', effect: 'NoSchedule' }],
      containers: [
        {
          name: 'app',
          image: 'registry.example.com/shop/app:1.2.3',
          ports: [{ name: 'http', containerPort: 8080 }],
          env: Array.from({ length: 12 }, (_, at) => ({ name: `SETTING_${at}`, value: `value of setting ${at}` })),
          resources: { requests: { cpu: '10m', memory: '64Mi' } },
          readinessProbe: { httpGet: { path: '/ready', port: 'http' } },
          livenessProbe: { httpGet: { path: '/alive', port: 'http' } },
        },
      ],
    },
  }
}

function namespace(name: string, annotations: Readonly<Record<string, string>>): object {
  const labels = { ...MARK, 'smi-mesh.dev/inject': 'enabled' }
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels, annotations } }
}

function account(n: number): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: namespaceOf(n), name: accountName(n) } }
}

function service(namespace: string, name: string): object {
  const spec = { selector: { app: name }, ports: [{ name: 'http', port: 8080, targetPort: 'http' }] }
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec }
}

function deployment(n: number, replicas: number): object {
  const matchLabels = { app: serviceName(n) }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: namespaceOf(n), name: serviceName(n) },
    spec: { replicas, selector: { matchLabels }, template: podTemplate(n) },
  }
}

function split(
  namespace: string,
  name: string,
  apex: string,
  [first, second]: readonly [string, string],
  weight: number,
): object {
  const backends = [
    { service: first, weight },
    { service: second, weight: 100 - weight },
  ]
  return smi('split.smi-spec.io/v1alpha4', 'TrafficSplit', namespace, name, { service: apex, backends })
}

function everyRequest(namespace: string): object {
  const matches = [{ name: 'api', pathRegex: '/api', methods: ['GET', 'POST'] }]
  return smi('specs.smi-spec.io/v1alpha4', 'HTTPRouteGroup', namespace, 'api', { matches })
}

/** Two callers may use a Service: its neighbour, and one seven further on. */
function target(n: number, services: number): object {
  const subject = (of: number) => ({ kind: 'ServiceAccount', name: accountName(of), namespace: namespaceOf(of) })
  return smi('access.smi-spec.io/v1alpha3', 'TrafficTarget', namespaceOf(n), `target-${n}`, {
    destination: subject(n),
    sources: [subject((n + 1) % services), subject((n + 7) % services)],
    rules: [{ kind: 'HTTPRouteGroup', name: 'api', matches: ['api'] }],
  })
}

function smi(apiVersion: string, kind: string, namespace: string, name: string, spec: object): object {
  return { apiVersion, kind, metadata: { namespace, name }, spec }
}

/**
 * Who calls whom while parts of a cluster are restarted and ended: the programs of `conformance/app/endurance` as Deployments of
 * a namespace where access is enforced.
 *
 * Every call goes to `api`, a Service that selects nobody: only by a TrafficSplit does it reach a server, and only by a
 * TrafficTarget is it let in. So each answer says as well that no configuration was lost; and that the stranger, whom nothing
 * lets in, gets none.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RawObject } from '../world.ts'

export const NAMESPACE = 'endurance'
const IMAGE = 'localhost/smi-mesh-test/echo:1'
const PROGRAMS = join(import.meta.dirname, '../../app/endurance')
const PORTS = [
  { name: 'http', port: 8080 },
  { name: 'grpc', port: 8081 },
]

export interface ClientTraffic {
  /** Requests a second, of each pod. */
  readonly posts?: number
  readonly calls?: number
  /** Open at a time, of each pod. */
  readonly streams?: number
  readonly sockets?: number
  /** Messages a second on each of these; with 0, one at the beginning and one at the end. */
  readonly messages?: number
  readonly server?: string
  /** The status that POST is to be answered with. */
  readonly expect?: 200 | 403
}

/** 200 a second by POST alone, with more beside it. */
const STEADY: ClientTraffic = { posts: 100, calls: 25, streams: 1, sockets: 1, messages: 10 }

/** The namespace, its rules and servers: callers come once these are ready, so that no failure of the beginning is counted. */
export function beforeAnybodyCalls(): readonly RawObject[] {
  const labels = { 'smi-mesh.dev/inject': 'enabled' }
  const annotations = { 'smi-mesh.dev/access': 'enforce' }
  const programs = ['client.ts', 'server.ts', 'frames.ts']
  const data = Object.fromEntries(programs.map(name => [name, readFileSync(join(PROGRAMS, name), 'utf8')]))
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels, annotations } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: placed('programs'), data },
    ...['client', 'server', 'stranger'].map(name => ({
      ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: placed(name) },
    })),
    service('api', {}),
    service('server', { selector: { app: 'server' } }),
    service('quiet', { selector: { app: 'quiet-server' } }),
    ...RULES,
    server('server', 2),
    server('quiet-server', 1),
  ]
}

/** Who calls; they write what they counted into `reports`, a folder of the node. */
export function clients(reports: string): readonly RawObject[] {
  return [
    client('client', { reports, replicas: 2, traffic: STEADY }),
    client('quiet-client', { reports, replicas: 1, traffic: { server: 'quiet', streams: 1, sockets: 1, messages: 0 } }),
    client('stranger', { reports, replicas: 1, traffic: { posts: 2, expect: 403 }, account: 'stranger' }),
  ]
}

/** Its Service does not exist: it gets a finding and changes no traffic. */
export function splitOfNobody(name: string): RawObject {
  const spec = { service: 'nobody', backends: [{ service: 'nobody-else', weight: 1 }] }
  return { apiVersion: 'split.smi-spec.io/v1alpha4', kind: 'TrafficSplit', metadata: placed(name), spec }
}

/** Not of the scene from its beginning: those that are created while something is missing. */
export function lateClient(name: string, reports: string): RawObject {
  return client(name, { reports, replicas: 1, traffic: { posts: 5 } })
}

function placed(name: string) {
  return { namespace: NAMESPACE, name }
}

function service(name: string, selected: RawObject): RawObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: placed(name), spec: { ...selected, ports: PORTS } }
}

const RULES: readonly RawObject[] = [
  {
    ...{ apiVersion: 'split.smi-spec.io/v1alpha4', kind: 'TrafficSplit', metadata: placed('api') },
    spec: { service: 'api', backends: [{ service: 'server', weight: 1 }] },
  },
  {
    ...{ apiVersion: 'specs.smi-spec.io/v1alpha4', kind: 'HTTPRouteGroup', metadata: placed('talk') },
    spec: {
      matches: [
        { name: 'http', pathRegex: '/(say|talk)', methods: ['GET', 'POST'] },
        { name: 'grpc', pathRegex: '/endurance\\.Echo/.*', methods: ['POST'] },
      ],
    },
  },
  {
    ...{ apiVersion: 'access.smi-spec.io/v1alpha3', kind: 'TrafficTarget', metadata: placed('talk') },
    spec: {
      destination: { kind: 'ServiceAccount', name: 'server', namespace: NAMESPACE },
      sources: [{ kind: 'ServiceAccount', name: 'client', namespace: NAMESPACE }],
      rules: [{ kind: 'HTTPRouteGroup', name: 'talk', matches: ['http', 'grpc'] }],
    },
  },
]

function server(name: string, replicas: number): RawObject {
  // A busy machine is no reason to take a server away.
  const ready = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 5 }
  const ports = PORTS.map(({ port }) => ({ containerPort: port }))
  return deployment(name, {
    account: 'server',
    replicas,
    container: program('server', { ports, readinessProbe: ready }),
  })
}

interface Client {
  readonly reports: string
  readonly replicas: number
  readonly traffic: ClientTraffic
  readonly account?: string
}

function client(name: string, { reports, replicas, traffic, account = 'client' }: Client): RawObject {
  const { server: to = 'api', ...others } = traffic
  const told = Object.entries(others).map(([key, value]) => ({ name: key.toUpperCase(), value: String(value) }))
  const env = [
    { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'REPORT', value: '/reports/$(POD).json' },
    { name: 'SERVER', value: to },
    ...told,
  ]
  const volumes = [{ name: 'reports', hostPath: { path: reports, type: 'Directory' } }]
  return deployment(name, { account, replicas, volumes, container: program('client', { env }, ['reports']) })
}

function program(name: string, more: RawObject, volumes: readonly string[] = []): RawObject {
  const volumeMounts = ['programs', ...volumes].map(volume => ({ name: volume, mountPath: `/${volume}` }))
  return { name: 'app', image: IMAGE, command: ['node', `/programs/${name}.ts`], volumeMounts, ...more }
}

interface Pods {
  readonly account: string
  readonly replicas: number
  readonly container: RawObject
  readonly volumes?: readonly RawObject[]
}

function deployment(name: string, { account, replicas, container, volumes = [] }: Pods): RawObject {
  const labels = { app: name }
  const programs = { name: 'programs', configMap: { name: 'programs' } }
  const spec = { serviceAccountName: account, containers: [container], volumes: [programs, ...volumes] }
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: placed(name) },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: { metadata: { labels }, spec },
    },
  }
}

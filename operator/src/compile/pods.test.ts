/** Pods, Services and slices: who stands where, what is listened on, and what is spoken there. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ServiceKey, ServicePortKey } from '@smi-mesh/dataplane/mesh'
import { serviceKey, servicePortKey } from '@smi-mesh/dataplane/mesh'
import { manifests, type World, world } from '../../testdata/world.ts'

const WEB: ServiceKey = serviceKey('shop', 'web')
const port = (name: string, number = 80): ServicePortKey => servicePortKey(serviceKey('shop', name), number)
const addresses = (made: World, key: ServicePortKey) =>
  made.mesh.endpoints.get(key)?.endpoints.map(({ ip, port }) => `${ip}:${port}`)

interface PodOf {
  readonly labels?: string
  readonly account?: string
  readonly ip?: string
  readonly ports?: string
  readonly metadata?: string
  readonly spec?: string
  readonly status?: string
}

const pod = (
  name: string,
  {
    labels = 'app: web',
    account = 'web',
    ip = '10.1.1.1',
    ports = '{containerPort: 8080}',
    metadata = '',
    spec = '',
    status = '',
  }: PodOf = {},
) => `
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {${labels}}${metadata}}
spec: {serviceAccountName: ${account}, containers: [{name: app, ports: [${ports}]}]${spec}}
status: {podIP: ${ip}${status}}
`
const service = (name: string, ports: string, more = 'selector: {app: web}', metadata = '') => `
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop${metadata}}
spec: {${more}, ports: [${ports}]}
`
const slice = (
  name: string,
  of: string,
  endpoints: string,
  more = 'addressType: IPv4, ports: [{name: http, port: 8080}]',
) => `
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: ${name}, namespace: shop, labels: {kubernetes.io/service-name: ${of}}}, ${more}, endpoints: [${endpoints}]}
`

test('without slices the endpoints of a Service are the pods it selects', () => {
  assert.deepEqual(addresses(world(''), port('web')), ['10.244.0.3:8080', '10.244.0.4:8080'])
  assert.deepEqual(addresses(world(''), port('web-v2')), ['10.244.0.4:8080'])
})

test('where there are slices they govern, even an empty one', () => {
  assert.deepEqual(addresses(world(slice('s', 'web', '')), port('web')), [])
  const made = world(slice('s', 'web', '{addresses: [10.244.0.3], targetRef: {kind: Pod, name: web-v1-a}}'))
  assert.deepEqual(addresses(made, port('web')), ['10.244.0.3:8080'])
})

test('an endpoint that is not ready gets no traffic', () => {
  const made = world(
    slice('s', 'web', '{addresses: [10.244.0.3], conditions: {ready: false}}, {addresses: [10.244.0.4]}'),
  )
  assert.deepEqual(addresses(made, port('web')), ['10.244.0.4:8080'])
})

test('while no endpoint is ready, those that are leaving and still serve are used', () => {
  const made = world(
    slice(
      's',
      'web',
      '{addresses: [10.244.0.3], conditions: {ready: false, serving: true, terminating: true}}, {addresses: [10.244.0.4], conditions: {ready: false, serving: false, terminating: true}}',
    ),
  )
  assert.deepEqual(addresses(made, port('web')), ['10.244.0.3:8080'])
})

describe('while no endpoint is ready because nobody has heard of their nodes', () => {
  const conditions = (reason: string) =>
    `, conditions: [{type: Ready, status: "False"${reason}}, {type: ContainersReady, status: "True"}]`
  const unready = (name: string, ip: string) =>
    `{addresses: [${ip}], conditions: {ready: false, serving: false}, targetRef: {kind: Pod, name: ${name}}}`
  const gone = unready('gone', '10.1.1.1')

  test('they are used as they were', () => {
    const made = world(pod('gone', { status: conditions('') }) + slice('s', 'web', gone))
    assert.deepEqual(addresses(made, port('web')), ['10.1.1.1:8080'])
  })

  test('and not beside one that is ready', () => {
    const made = world(
      pod('gone', { status: conditions('') }) + slice('s', 'web', `${gone}, {addresses: [10.244.0.4]}`),
    )
    assert.deepEqual(addresses(made, port('web')), ['10.244.0.4:8080'])
  })

  test('nor those whose own node says that they are not ready', () => {
    const status = conditions(', reason: ReadinessGatesNotReady')
    const made = world(pod('gone', { status }) + slice('s', 'web', gone))
    assert.deepEqual(addresses(made, port('web')), [])
  })
})

test('an address that no pod has is a plain endpoint', () => {
  const made = world(slice('s', 'web', '{addresses: [192.0.2.1]}'))
  assert.deepEqual(
    made.mesh.endpoints.get(port('web'))?.endpoints.map(({ peer, pod }) => [peer.kind, pod]),
    [['plain', '']],
  )
})

test('an address without a reference is the pod that has it', () => {
  const made = world(slice('s', 'web', '{addresses: [10.244.0.3]}'))
  assert.deepEqual(
    made.mesh.endpoints.get(port('web'))?.endpoints.map(({ peer, pod }) => [peer.kind, pod]),
    [['mesh', 'web-v1-a']],
  )
})

test('a pod that is not known yet gets nothing until it is known whether it has a proxy', () => {
  const made = world(slice('s', 'web', '{addresses: [10.1.1.1], targetRef: {kind: Pod, name: late}}'))
  assert.deepEqual(addresses(made, port('web')), [])
  made.put(...manifests(pod('late')))
  assert.deepEqual(addresses(made, port('web')), ['10.1.1.1:8080'])
})

test('the ports of a slice are those of the same name', () => {
  const made = world(
    service('web', '{name: http, port: 80}, {name: grpc, port: 90}') +
      slice('s', 'web', '{addresses: [10.244.0.3]}', 'addressType: IPv4, ports: [{name: grpc, port: 9090}]'),
  )
  assert.deepEqual([addresses(made, port('web')), addresses(made, port('web', 90))], [[], ['10.244.0.3:9090']])
})

test('of two address families that of the Service is used', () => {
  const made = world(
    slice('a', 'web', '{addresses: [10.244.0.3]}') +
      slice('b', 'web', '{addresses: ["fd00::3"]}', 'addressType: IPv6, ports: [{name: http, port: 8080}]'),
  )
  assert.deepEqual(addresses(made, port('web')), ['10.244.0.3:8080'])
})

test('pods that are not ready, have ended or are leaving get no traffic', () => {
  const odd = [', conditions: [{type: Ready, status: "False"}]', ', phase: Succeeded', ', phase: Pending']
  for (const status of odd)
    assert.deepEqual(
      addresses(world(pod('odd', { status })), port('web')),
      ['10.244.0.3:8080', '10.244.0.4:8080'],
      status,
    )
  const leaving = world(pod('odd', { metadata: ', deletionTimestamp: 2026-01-01T00:00:00Z' }))
  assert.deepEqual(addresses(leaving, port('web')), ['10.244.0.3:8080', '10.244.0.4:8080'])
})

test('a named target port is the number each pod gives it', () => {
  const made = world(
    service('named', '{name: http, port: 80, targetPort: main}', 'selector: {app: x}') +
      pod('a', { labels: 'app: x', ports: '{name: main, containerPort: 1111}' }) +
      pod('b', { labels: 'app: x', ip: '10.1.1.2', ports: '{name: main, containerPort: 2222}' }),
  )
  assert.deepEqual(addresses(made, port('named')), ['10.1.1.1:1111', '10.1.1.2:2222'])
})

test('a target port of a name that no container port has is reported', () => {
  const made = world(
    service('named', '{name: http, port: 80, targetPort: main}', 'selector: {app: x}') + pod('a', { labels: 'app: x' }),
  )
  assert.deepEqual(addresses(made, port('named')), [])
  assert.deepEqual(made.reasons('Service shop/named'), ['TargetPortNotFound'])
})

test('a Service port that is no port number is left out and reported', () => {
  const made = world(service('odd', '{name: a, port: 70000}, {name: http, port: 80}'))
  assert.deepEqual(
    made.mesh.services.get(serviceKey('shop', 'odd'))?.ports.map(({ port }) => port),
    [80],
  )
  assert.deepEqual(made.reasons('Service shop/odd'), ['SchemaViolation'])
})

test('a headless Service has no address of its own', () => {
  assert.deepEqual(
    world(service('h', '{port: 80}', 'clusterIP: None')).mesh.services.get(serviceKey('shop', 'h'))?.address,
    { kind: 'headless' },
  )
})

test('a Service may be answered for by the identities of all pods behind it', () => {
  assert.deepEqual(world('').mesh.services.get(WEB)?.identities, [
    'spiffe://cluster.local/ns/shop/sa/web-v1',
    'spiffe://cluster.local/ns/shop/sa/web-v2',
  ])
})

const workloadOf = (made: World, name: string) => {
  const key = [...made.mesh.pods.entries()].find(([pod]) => pod === `shop/${name}`)?.[1]
  return key && made.mesh.workloads.get(key)
}

test('replicas are one workload, whatever their controllers write on them', () => {
  const made = world(
    pod('a', { labels: 'app: x, pod-template-hash: "1"' }) +
      pod('b', { labels: 'app: x, pod-template-hash: "2"', ip: '10.1.1.2' }) +
      pod('c', { labels: 'app: y', ip: '10.1.1.3' }),
  )
  assert.equal(workloadOf(made, 'a')?.key, workloadOf(made, 'b')?.key)
  assert.notEqual(workloadOf(made, 'a')?.key, workloadOf(made, 'c')?.key)
})

test('pods of different ServiceAccounts are different workloads', () => {
  const made = world(pod('a', { account: 'one' }) + pod('b', { account: 'two', ip: '10.1.1.2' }))
  assert.notEqual(workloadOf(made, 'a')?.key, workloadOf(made, 'b')?.key)
})

test('a new Service regroups no running pod', () => {
  const made = world(pod('a'))
  const before = workloadOf(made, 'a')?.key
  made.put(...manifests(service('more', '{name: http, port: 7000, targetPort: 7000}')))
  assert.equal(workloadOf(made, 'a')?.key, before)
  assert.deepEqual(workloadOf(made, 'a')?.inbound, [
    { port: 7000, protocol: 'http' },
    { port: 8080, protocol: 'http' },
  ])
})

test('a loopback pod is a workload of its own', () => {
  const made = world(pod('a', { ip: '127.7.0.1' }) + pod('b', { ip: '127.8.0.1' }))
  assert.deepEqual(workloadOf(made, 'a')?.capture, { kind: 'loopback', subnet: 7, ip: '127.7.0.1' })
  assert.notEqual(workloadOf(made, 'a')?.key, workloadOf(made, 'b')?.key)
})

test('pods that opted out, and those of the host network, are plain endpoints and no workload', () => {
  const made = world(
    pod('a', { metadata: ', annotations: {smi-mesh.dev/inject: disabled}' }) +
      pod('b', { spec: ', hostNetwork: true', ip: '10.1.1.2' }),
  )
  assert.deepEqual([workloadOf(made, 'a'), workloadOf(made, 'b')], [undefined, undefined])
  assert.deepEqual(
    made.mesh.endpoints
      .get(port('web'))
      ?.endpoints.filter(({ peer }) => peer.kind === 'plain')
      .map(({ pod }) => pod),
    ['a', 'b'],
  )
  assert.equal(made.mesh.exposure.get(WEB), 'open')
})

test('an inject annotation that means nothing keeps the pod in the mesh and is reported', () => {
  const made = world(pod('a', { metadata: ', annotations: {smi-mesh.dev/inject: "false"}' }))
  assert.notEqual(workloadOf(made, 'a'), undefined)
  assert.deepEqual(made.reasons('Pod shop/a'), ['AnnotationValue'])
})

test('the owner of a pod is what its user wrote, not the ReplicaSet between', () => {
  const owned = (labels: string, name: string) =>
    workloadOf(
      world(pod('a', { labels, metadata: `, ownerReferences: [{kind: ReplicaSet, name: ${name}, controller: true}]` })),
      'a',
    )?.owner
  assert.deepEqual(owned('app: x, pod-template-hash: abc', 'web-abc'), {
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
  })
  assert.deepEqual(owned('app: x, rollouts-pod-template-hash: abc', 'web-abc'), {
    kind: 'Rollout',
    namespace: 'shop',
    name: 'web',
  })
  assert.deepEqual(owned('app: x', 'web-abc'), { kind: 'ReplicaSet', namespace: 'shop', name: 'web-abc' })
})

test('several Services over the same pods are all served', () => {
  const made = world(service('apex', '{name: http, port: 80, targetPort: 8080}'))
  assert.deepEqual(addresses(made, port('apex')), addresses(made, port('web')))
  assert.deepEqual(workloadOf(made, 'web-v1-a')?.inbound, [{ port: 8080, protocol: 'http' }])
})

test('a port is what appProtocol says, else the first part of its name, else what servers speak first there, else open', () => {
  const protocol = (ports: string) =>
    world(service('p', ports)).mesh.services.get(serviceKey('shop', 'p'))?.ports[0]?.protocol
  const table = [
    ['{port: 80, name: tcp-x, appProtocol: http}', 'http'],
    ['{port: 80, appProtocol: kubernetes.io/h2c}', 'http2'],
    ['{port: 80, appProtocol: kubernetes.io/ws}', 'http'],
    ['{port: 80, name: http, appProtocol: tcp-server-first}', 'tcp'],
    ['{port: 80, name: http-admin}', 'http'],
    ['{port: 80, name: grpc}', 'http2'],
    ['{port: 80, name: grpc-web}', 'http'],
    ['{port: 80, name: https}', 'tcp'],
    ['{port: 3306}', 'tcp'],
    ['{port: 3306, name: http}', 'http'],
    ['{port: 80}', 'auto'],
    ['{port: 80, name: metrics}', 'auto'],
  ] as const
  for (const [ports, expected] of table) assert.equal(protocol(ports), expected, ports)
})

test('of two Services that differ about a port of their pods the older one is believed', () => {
  const made = world(
    service(
      'young',
      '{name: tcp-x, port: 81, targetPort: 6000}',
      'selector: {app: x}',
      ', creationTimestamp: 2026-01-02T00:00:00Z',
    ) +
      service(
        'zold',
        '{name: http, port: 80, targetPort: 6000}',
        'selector: {app: x}',
        ', creationTimestamp: 2026-01-01T00:00:00Z',
      ) +
      service('silent', '{port: 82, targetPort: 6000}', 'selector: {app: x}') +
      pod('a', { labels: 'app: x', ports: '' }),
  )
  assert.deepEqual(workloadOf(made, 'a')?.inbound, [{ port: 6000, protocol: 'http' }])
  assert.deepEqual(made.reasons('Service shop/young'), ['ProtocolConflict'])
  assert.deepEqual([made.reasons('Service shop/zold'), made.reasons('Service shop/silent')], [[], []])
})

test('a container port that no Service leads to speaks what its name says', () => {
  const made = world(
    pod('a', { labels: 'app: x', ports: '{name: http-admin, containerPort: 9000}, {containerPort: 5432}' }),
  )
  assert.deepEqual(workloadOf(made, 'a')?.inbound, [
    { port: 5432, protocol: 'tcp' },
    { port: 9000, protocol: 'http' },
  ])
})

test('UDP ports are none of the mesh', () => {
  const made = world(
    service('dns', '{name: dns, port: 53, protocol: UDP}') +
      pod('a', { labels: 'app: x', ports: '{containerPort: 53, protocol: UDP}' }),
  )
  assert.deepEqual(made.mesh.services.get(serviceKey('shop', 'dns'))?.ports, [])
  assert.deepEqual(workloadOf(made, 'a')?.inbound, [])
})

test('kinds that concern the mesh not at all are passed over, and kinds that SMI does not have are reported', () => {
  const made = world(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: knative, namespace: shop}
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplitt
metadata: {name: typo, namespace: shop}
`)
  assert.equal(made.mesh.services.has(serviceKey('shop', 'knative')), false)
  const typo = 'TrafficSplitt.split.smi-spec.io shop/typo'
  assert.deepEqual([...made.findings.keys()], [typo])
  assert.deepEqual(made.reasons(typo), ['UnknownKind'])
})

test('an object of another API takes nothing from ours of the same kind and name, neither by coming nor by going', () => {
  const namesakes = manifests(`
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: web, namespace: shop}
---
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: all, namespace: shop}
---
apiVersion: spec.smi-spec.io/v1alpha1
kind: TCPRoute
metadata: {name: all, namespace: shop}
`)
  const made = world(`
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: {name: all, namespace: shop}
spec: {matches: {ports: []}}
`)
  const before = made.dump()
  made.put(...namesakes)
  assert.deepEqual([...made.findings.keys()], ['TCPRoute.spec.smi-spec.io shop/all'])
  made.remove(...namesakes)
  assert.deepEqual(made.dump(), before)
  assert.equal(made.facts.tcpRoutes.get('shop/all')?.ports.length, 0)
})

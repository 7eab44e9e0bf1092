import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Settled } from '../derive/index.ts'
import { PrivateKey, type Route, type ServicePortKey, TypeUrl } from '../mesh/index.ts'
import { type DerivedResources, deriveResources } from './resources.ts'
import { Held } from './testdata/held.ts'
import { addPod, addService, allow, emptyWorld, identity, peer, toItself, type World } from './testdata/world.ts'

function split(apex: ServicePortKey, ...backends: readonly (readonly [ServicePortKey, number])[]): Route {
  const forward = { kind: 'forward', backends: backends.map(([backend, weight]) => ({ backend, weight })) } as const
  return { match: { kind: 'any' }, action: forward, from: [{ kind: 'TrafficSplit', namespace: 'shop', name: apex }] }
}

/** Fifty restricted services with two redirected pods each, and a client who reaches the first ten. */
function manyServices(): { world: World; derived: DerivedResources; ports: readonly ServicePortKey[] } {
  const world = emptyWorld()
  const derived = deriveResources(world.graph, world.mesh, world)
  const ports = Array.from({ length: 50 }, (_, index) => {
    const pod = addPod(world, { name: `web-${index}`, ports: { 8080: 'http', 9000: 'tcp' } })
    const endpoints = [peer(pod, 8080, `10.0.${index}.1`), peer(pod, 8080, `10.0.${index}.2`)]
    const ips = [`10.96.0.${index + 1}`]
    return addService(world, {
      name: `web-${index}`,
      ips,
      port: 80,
      protocol: 'http',
      exposure: 'restricted',
      endpoints,
    })
  })
  const client = addPod(world, { name: 'client' })
  const services = [...world.services.keys()].slice(0, 10)
  world.reach.set(client.identity, { identity: client.identity, services })
  world.graph.settle()
  return { world, derived, ports }
}

function changes({ tables }: DerivedResources, settled: Settled): string[] {
  return tables.flatMap(table => [...settled.changed(table)]).sort()
}

function ran(settled: Settled): Record<string, number> {
  return Object.fromEntries(settled.recomputed)
}

test('a new weight encodes one route configuration', () => {
  const { world, derived, ports } = manyServices()
  const [apex, one, two] = ports
  assert.ok(apex && one && two)
  world.routes.set(apex, { key: apex, routes: [split(apex, [one, 90], [two, 10])] })
  world.graph.settle()
  world.routes.set(apex, { key: apex, routes: [split(apex, [one, 80], [two, 20])] })
  const settled = world.graph.settle()
  assert.deepEqual(changes(derived, settled), [`service:shop/web-0 ${TypeUrl.routeConfiguration} shop/web-0:80`])
  assert.deepEqual(ran(settled), { 'envoy.companions': 1, 'envoy.routes': 1 })
})

test('a new pod encodes one load assignment', () => {
  const { world, derived, ports } = manyServices()
  const [port] = ports
  assert.ok(port)
  const endpoints = world.endpoints.get(port)?.endpoints ?? []
  world.endpoints.set(port, { key: port, endpoints: endpoints.slice(1) })
  const settled = world.graph.settle()
  assert.deepEqual(changes(derived, settled), [`service:shop/web-0 ${TypeUrl.loadAssignment} shop/web-0:80`])
  assert.equal(ran(settled)['envoy.clusters'], undefined)
})

test('a new rule for a port of protocol http changes its guard and no listener', () => {
  const { world, derived } = manyServices()
  const pod = world.workloads.get([...world.workloads.keys()][0] ?? assert.fail())
  assert.ok(pod)
  allow(world, pod, 8080, {
    rules: [{ name: 'r', sources: [identity('client')], matches: [{ kind: 'any' }], from: [] }],
  })
  const settled = world.graph.settle()
  assert.deepEqual(changes(derived, settled), [`workload:shop/web-0 ${TypeUrl.routeConfiguration} inbound:8080`])
  assert.equal(ran(settled)['envoy.inboundListeners'], undefined)
})

test('a new rule for a port of protocol tcp is part of the listener', () => {
  const { world, derived } = manyServices()
  const pod = world.workloads.get([...world.workloads.keys()][0] ?? assert.fail())
  assert.ok(pod)
  allow(world, pod, 9000, {
    rules: [{ name: 'r', sources: [identity('client')], matches: [{ kind: 'any' }], from: [] }],
  })
  assert.deepEqual(changes(derived, world.graph.settle()), [`workload:shop/web-0 ${TypeUrl.listener} inbound`])
})

test('nothing is told of a service out of reach; its address is refused where all connections are caught', () => {
  const { derived, world } = manyServices()
  const client = new Held(derived, [...world.workloads.keys()].at(-1) ?? assert.fail())
  assert.match(client.text(TypeUrl.routeConfiguration, 'shop/web-9:80'), /"cluster":"shop\/web-9:80"/)
  assert.match(client.text(TypeUrl.listener, 'capture'), /"address_prefix":"10\.96\.0\.10","prefix_len":32/)
  assert.match(client.text(TypeUrl.routeConfiguration, 'refused'), /x-smi-reason/)
  // or who keeps a connection would not find the service's own listener once there is one
  assert.match(client.text(TypeUrl.listener, 'capture'), /"max_requests_per_connection":1/)
  assert.equal(client.json(TypeUrl.listener, 'shop/web-10:80'), undefined)
  assert.equal(client.json(TypeUrl.cluster, 'shop/web-10:80'), undefined)
  assert.equal(client.json(TypeUrl.loadAssignment, 'shop/web-10:80'), undefined)
})

test('whoever reaches an apex is told of its backends: the server decides', () => {
  const { derived, world, ports } = manyServices()
  const [apex, , , , , , , , , , backend] = ports
  assert.ok(apex && backend)
  world.routes.set(apex, { key: apex, routes: [split(apex, [backend, 1])] })
  world.graph.settle()
  const client = new Held(derived, [...world.workloads.keys()].at(-1) ?? assert.fail())
  assert.ok(client.json(TypeUrl.cluster, backend))
})

test('a backend of an open service is open', () => {
  const world = emptyWorld()
  const derived = deriveResources(world.graph, world.mesh, world)
  const client = addPod(world, { name: 'client' })
  const backend = addService(world, {
    name: 'v1',
    ips: ['10.96.0.2'],
    port: 80,
    protocol: 'http',
    exposure: 'restricted',
  })
  const open = { name: 'web', ips: ['10.96.0.1'], port: 80, protocol: 'http' } as const
  const apex = addService(world, { ...open, exposure: 'open' })
  world.graph.settle()
  assert.equal(new Held(derived, client.key).json(TypeUrl.cluster, backend), undefined)
  world.routes.set(apex, { key: apex, routes: [split(apex, [backend, 1])] })
  world.graph.settle()
  assert.ok(new Held(derived, client.key).json(TypeUrl.cluster, backend))
})

test('every name that a held resource mentions is held', () => {
  const { derived, world } = manyServices()
  for (const workload of world.workloads.keys()) {
    const held = new Held(derived, workload)
    const clusters = new Set(held.names(TypeUrl.cluster))
    const text = JSON.stringify(
      [TypeUrl.listener, TypeUrl.routeConfiguration].flatMap(type =>
        held.names(type).map(name => held.json(type, name)),
      ),
    )
    for (const [, name] of text.matchAll(/"cluster":"([^"%]+)"/g))
      assert.ok(clusters.has(name ?? ''), `${workload} lacks ${name}`)
    const routes = new Set(held.names(TypeUrl.routeConfiguration))
    for (const [, name] of text.matchAll(/"route_config_name":"([^"]+)"/g)) {
      assert.ok(routes.has(name ?? ''), `${workload} lacks ${name}`)
    }
  }
})

test('bytes to a service out of reach are caught too, whatever its port', () => {
  const world = emptyWorld()
  const derived = deriveResources(world.graph, world.mesh, world)
  const inside = addPod(world, { name: 'inside' })
  const outside = addPod(world, { name: 'outside' })
  addService(world, { name: 'db', ips: ['10.96.0.1'], port: 5432, protocol: 'tcp', exposure: 'restricted' })
  world.reach.set(inside.identity, { identity: inside.identity, services: [...world.services.keys()] })
  world.graph.settle()
  const held = (of: typeof inside) => new Held(derived, of.key)
  assert.match(held(inside).text(TypeUrl.listener, 'shop/db:5432'), /"cluster":"shop\/db:5432"/)
  assert.equal(held(outside).json(TypeUrl.listener, 'shop/db:5432'), undefined)
  assert.match(held(outside).text(TypeUrl.listener, 'capture'), /"address_prefix":"10\.96\.0\.1","prefix_len":32/)
})

test('each pod of a headless service is a destination, after the routes of the service', () => {
  const world = emptyWorld()
  const derived = deriveResources(world.graph, world.mesh, world)
  const client = addPod(world, { name: 'client' })
  const pod = addPod(world, { name: 'db-0', ports: { 8080: 'http' } })
  const canary = addService(world, { name: 'canary', ips: ['10.96.0.9'], port: 8080, protocol: 'http' })
  const ends = [peer(pod, 8080, '10.0.0.7'), peer(pod, 8080, '10.0.0.8')]
  const db = addService(world, { name: 'db', port: 8080, protocol: 'http', endpoints: ends })
  const beta: Route = {
    ...split(db, [canary, 1]),
    match: { kind: 'http', path: { regex: '/beta', anchor: 'start' }, methods: 'any', headers: [] },
  }
  world.routes.set(db, { key: db, routes: [beta, toItself(db)] })
  world.graph.settle()
  const held = new Held(derived, client.key)
  const text = held.text(TypeUrl.routeConfiguration, 'shop/db:8080/10.0.0.7:8080')
  assert.ok(text.indexOf('"cluster":"shop/canary:8080"') < text.indexOf('"cluster":"shop/db:8080/10.0.0.7:8080"'))
  assert.match(held.text(TypeUrl.listener, 'shop/db:8080/10.0.0.8:8080'), /"address":"10.0.0.8"/)
  assert.match(held.text(TypeUrl.cluster, 'shop/db:8080/10.0.0.8:8080'), /"address":"10.0.0.8"/)
})

test('of two headless services with the same pod and port, one listens', () => {
  const world = emptyWorld()
  const derived = deriveResources(world.graph, world.mesh, world)
  const client = addPod(world, { name: 'client' })
  const pod = addPod(world, { name: 'db-0', ports: { 8080: 'http' } })
  const shared = { port: 8080, protocol: 'http', endpoints: [peer(pod, 8080, '10.0.0.7')] } as const
  const first = addService(world, { ...shared, name: 'a' })
  addService(world, { ...shared, name: 'b' })
  world.graph.settle()
  const names = () => new Held(derived, client.key).names(TypeUrl.listener).filter(name => name.includes('10.0.0.7'))
  assert.deepEqual(names(), ['shop/a:8080/10.0.0.7:8080'])
  world.endpoints.set(first, { key: first, endpoints: [] })
  world.graph.settle()
  assert.deepEqual(names(), ['shop/b:8080/10.0.0.7:8080'])
})

test('a loopback pod listens on sockets of its own, and nobody else does', () => {
  const world = emptyWorld()
  const derived = deriveResources(world.graph, world.mesh, world)
  const [a, b] = [7, 8].map(subnet => addPod(world, { name: `pod-${subnet}`, subnet, ports: { 8080: 'http' } }))
  assert.ok(a && b)
  addService(world, { name: 'web', ips: ['127.0.1.1'], port: 80, protocol: 'http', endpoints: [peer(b, 8080)] })
  addService(world, { name: 'each', port: 8080, protocol: 'http', endpoints: [peer(a, 8080), peer(b, 8080)] })
  world.graph.settle()
  const held = new Held(derived, a.key)
  assert.deepEqual(held.names(TypeUrl.listener), [
    'inbound',
    'shop/each:8080/127.7.0.1:8080',
    'shop/each:8080/127.8.0.1:8080',
    'shop/web:80',
  ])
  assert.match(held.text(TypeUrl.listener, 'shop/web:80'), /"address":"127.7.1.1","port_value":10080/)
  assert.match(
    held.text(TypeUrl.listener, 'shop/each:8080/127.8.0.1:8080'),
    /"address":"127.7.255.8","port_value":8080/,
  )
  assert.match(held.text(TypeUrl.listener, 'inbound'), /"address":"127.7.0.1","port_value":8080/)
  assert.match(held.text(TypeUrl.cluster, 'application:8080'), /"address":"127.7.0.2","port_value":8080/)
})

test('nothing is derived for captures that no workload has', () => {
  const world = emptyWorld()
  const derived = deriveResources(world.graph, world.mesh, world)
  addPod(world, { name: 'pod', subnet: 7, ports: { 8080: 'http' } })
  addService(world, { name: 'web', ips: ['127.0.1.1'], port: 80, protocol: 'http' })
  world.graph.settle()
  const listeners = derived.tables
    .flatMap(table => [...table.keys()])
    .filter(key => key.includes('Listener shop/web:80'))
  assert.deepEqual(listeners, [`workload:shop/pod ${TypeUrl.listener} shop/web:80`])
})

test('certificates come by the name of a secret, and a new one changes nothing else', () => {
  const world = emptyWorld()
  const derived = deriveResources(world.graph, world.mesh, world)
  const pod = addPod(world, { name: 'pod', ports: { 8080: 'http' } })
  const certificate = {
    identity: pod.identity,
    chain: 'CHAIN',
    privateKey: new PrivateKey('KEY'),
    notBefore: 0,
    notAfter: 1,
  }
  world.certificates.set(pod.identity, certificate)
  world.graph.settle()
  world.certificates.set(pod.identity, { ...certificate, chain: 'NEW' })
  assert.deepEqual(changes(derived, world.graph.settle()), [`identity:${pod.identity} ${TypeUrl.secret} identity`])
})

test('a service whose last pod leaves keeps an empty load assignment: clusters wait for one', () => {
  const world = emptyWorld()
  const derived = deriveResources(world.graph, world.mesh, world)
  const client = addPod(world, { name: 'client' })
  const port = addService(world, { name: 'web', ips: ['10.96.0.1'], port: 80, protocol: 'http' })
  world.endpoints.delete(port)
  world.graph.settle()
  assert.deepEqual(new Held(derived, client.key).json(TypeUrl.loadAssignment, port), { cluster_name: 'shop/web:80' })
})

/** What a change costs: exact counts of what is computed again, in a mesh where nothing else may be touched. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Manifest, World } from '../../testdata/world.ts'

const meta = (name: string, more: Record<string, unknown> = {}) => ({ name, namespace: 'shop', ...more })

function service(name: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(name),
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80 }] },
  }
}

function pod(app: string, at: number, ip: string): Manifest {
  const spec = { serviceAccountName: app, containers: [{ ports: [{ containerPort: 80 }] }] }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(`${app}-${at}`, { labels: { app } }),
    spec,
    status: { podIP: ip },
  }
}

function split(weight: number): Manifest {
  const backends = [
    { service: 's1', weight },
    { service: 's2', weight: 100 - weight },
  ]
  return {
    apiVersion: 'split.smi-spec.io/v1alpha4',
    kind: 'TrafficSplit',
    metadata: meta('split'),
    spec: { service: 's0', backends },
  }
}

function target(at: number, ...sources: readonly string[]): Manifest {
  const spec = {
    destination: { kind: 'ServiceAccount', name: `s${at}` },
    sources: sources.map(name => ({ kind: 'ServiceAccount', name })),
    rules: [{ kind: 'TCPRoute', name: 'all' }],
  }
  return { apiVersion: 'access.smi-spec.io/v1alpha3', kind: 'TrafficTarget', metadata: meta(`t${at}`), spec }
}

const all: Manifest = {
  apiVersion: 'specs.smi-spec.io/v1alpha4',
  kind: 'TCPRoute',
  metadata: meta('all'),
  spec: { matches: { ports: [] } },
}

function mesh(services: number): World {
  const world = new World()
  const names = Array.from({ length: services }, (_, at) => `s${at}`)
  world.put(
    all,
    split(90),
    ...names.map(service),
    ...names.map((_name, at) => target(at, `s${(at + 1) % services}`)),
    ...names.flatMap((name, at) => [pod(name, 0, `10.0.${at}.1`), pod(name, 1, `10.0.${at}.2`)]),
  )
  return world
}

test('a weight recomputes the routes of one port, whatever the size of the mesh', () => {
  const costs = [10, 100].map(services => {
    const world = mesh(services)
    const settled = world.put(split(80))
    assert.deepEqual([...settled.changed(world.mesh.routes)], ['shop/s0:80'])
    for (const table of [
      world.mesh.services,
      world.mesh.endpoints,
      world.mesh.exposure,
      world.mesh.access,
      world.mesh.reach,
    ]) {
      assert.equal(settled.changed<string>(table).size, 0, table.name)
    }
    return Object.fromEntries(settled.recomputed)
  })
  assert.deepEqual(costs[0], costs[1])
  assert.deepEqual(costs[0], { planSplits: 1, checkSplits: 1, compileRoutes: 1 })
})

test('a pod among many touches the endpoints of its Services and nothing that clients route by', () => {
  const world = mesh(50)
  const settled = world.put(pod('s5', 2, '10.1.0.1'))
  assert.deepEqual([...settled.changed(world.mesh.endpoints)], ['shop/s5:80'])
  for (const table of [
    world.mesh.services,
    world.mesh.routes,
    world.mesh.exposure,
    world.mesh.workloads,
    world.mesh.access,
    world.mesh.reach,
  ]) {
    assert.equal(settled.changed<string>(table).size, 0, table.name)
  }
})

test('a TrafficTarget touches the ports it opens and the reach of its sources', () => {
  const world = mesh(50)
  const settled = world.put(target(7, 's8', 's9'))
  assert.deepEqual(
    [...settled.changed(world.mesh.access)].map(key => key.replace(/~.*:/, ':')),
    ['shop/s7:80'],
  )
  assert.deepEqual([...settled.changed(world.mesh.reach)], ['spiffe://cluster.local/ns/shop/sa/s9'])
  assert.equal(settled.changed(world.mesh.routes).size + settled.changed(world.mesh.endpoints).size, 0)
})

test('a new generation with the same content recomputes nothing but what status reads', () => {
  const world = mesh(10)
  const same = split(90)
  const settled = world.put({ ...same, metadata: { ...same.metadata, generation: 2, annotations: { note: 'x' } } })
  assert.deepEqual([...settled.recomputed.keys()], ['rejected'])
})

test('a huge object is refused before it was read once, and nothing is made of it', () => {
  const world = mesh(3)
  let reads = 0
  const match = {
    name: 'm',
    get pathRegex() {
      reads++
      return `/${'a'.repeat(90)}`
    },
  }
  const matches = Array.from({ length: 30_000 }, () => match)
  const settled = world.put({
    apiVersion: 'specs.smi-spec.io/v1alpha4',
    kind: 'HTTPRouteGroup',
    metadata: meta('huge'),
    spec: { matches },
  })
  assert.ok(reads < matches.length, `${reads} reads of 30,000 expressions`)
  assert.deepEqual([...settled.recomputed.keys()].sort(), ['findings', 'rejected'])
  assert.deepEqual(
    world.findings.get('HTTPRouteGroup shop/huge')?.map(({ reason, field }) => [reason, field]),
    [['LimitExceeded', 'spec.matches']],
  )
})

test('an expression that is longer than all may be together is refused by name', () => {
  const world = mesh(3)
  world.put({
    apiVersion: 'specs.smi-spec.io/v1alpha4',
    kind: 'HTTPRouteGroup',
    metadata: meta('huge'),
    spec: {
      matches: [
        { name: 'home', pathRegex: '/' },
        { name: 'm', pathRegex: `/${'a'.repeat(100_000)}` },
      ],
    },
  })
  const found = world.findings.get('HTTPRouteGroup shop/huge')
  assert.deepEqual(
    found?.map(({ reason, field }) => [reason, field]),
    [['LimitExceeded', 'spec.matches[1].pathRegex']],
  )
  assert.match(found?.[0]?.message ?? '', /100001.* 65536/)
})

test('expressions that are too long together name the list they are in', () => {
  const world = mesh(3)
  const matches = Array.from({ length: 100 }, (_, at) => ({ name: `m${at}`, pathRegex: `/${'a'.repeat(900)}` }))
  world.put({
    apiVersion: 'specs.smi-spec.io/v1alpha4',
    kind: 'HTTPRouteGroup',
    metadata: meta('huge'),
    spec: { matches },
  })
  assert.deepEqual(
    world.findings.get('HTTPRouteGroup shop/huge')?.map(({ reason, field }) => [reason, field]),
    [['LimitExceeded', 'spec.matches']],
  )
})

test('a list that is too long is refused and names its field', () => {
  const world = mesh(3)
  const backends = Array.from({ length: 129 }, (_, at) => ({ service: `b${at}`, weight: 1 }))
  world.put({
    apiVersion: 'split.smi-spec.io/v1alpha4',
    kind: 'TrafficSplit',
    metadata: meta('long'),
    spec: { service: 's0', backends },
  })
  assert.deepEqual(
    world.findings.get('TrafficSplit shop/long')?.map(({ reason, field }) => [reason, field]),
    [['LimitExceeded', 'spec.backends']],
  )
})

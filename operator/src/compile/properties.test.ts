/** What holds for every world, however odd: checked on random small ones. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide, parseServicePortKey, type ServicePortKey, spiffeId } from '@smi-mesh/dataplane/mesh'
import fc from 'fast-check'
import {
  ACCOUNTS,
  anyObject,
  keyOf,
  livelyWorld,
  NAMESPACES,
  trafficTarget,
  worldEvents,
  worldObjects,
} from '../../testdata/arbitrary.ts'
import { type Manifest, refOf, World } from '../../testdata/world.ts'
import { REASONS } from './index.ts'

function cold(objects: readonly Manifest[]): World {
  const world = new World()
  world.put(...objects)
  return world
}

const IDENTITIES = NAMESPACES.slice(0, 2).flatMap(namespace =>
  ACCOUNTS.map(serviceAccount => spiffeId('cluster.local', { namespace, serviceAccount })),
)
const CALLS = [
  { kind: 'tcp' },
  { kind: 'http', method: 'GET', path: '/', headers: {} },
  { kind: 'http', method: 'POST', path: '/a/b', headers: { 'x-tenant': '1' } },
  { kind: 'http', method: 'GET', path: '/b', headers: { 'X-Tenant': '10' } },
] as const

/** Every question worth asking of a world, with the answer: allowed by which servers. */
function* answers(world: World): Generator<{
  readonly question: string
  readonly port: ServicePortKey
  readonly source: string
  readonly allowed: ReadonlySet<string>
}> {
  for (const port of world.mesh.routes.keys()) {
    for (const source of IDENTITIES) {
      for (const [index, call] of CALLS.entries()) {
        const decision = decide(world.mesh, { source, destination: { kind: 'service', service: port }, call })
        const backends = decision.kind === 'routed' ? decision.backends : []
        const allowed = backends.flatMap(({ backend, servers }) =>
          servers.filter(({ verdict }) => verdict.allowed).map(({ workload }) => `${backend} ${workload}`),
        )
        yield { question: `${source} ${port} ${index}`, port, source, allowed: new Set(allowed) }
      }
    }
  }
}

test('after any events, settled at any moments, every table equals that of a fresh graph', () => {
  fc.assert(
    fc.property(worldEvents, events => {
      const world = new World()
      const histories = new Map<string, readonly Manifest[]>()
      for (const event of events) {
        if (event.kind === 'settle') {
          world.settle()
          continue
        }
        const { kind, object } = event
        const key = keyOf(object)
        if (kind === 'put') histories.set(key, [...(histories.get(key) ?? []), object])
        else histories.delete(key)
        world.change([{ ref: refOf(object), object: kind === 'put' ? object : undefined }])
      }
      world.settle()
      // The whole history of what exists, since an object that cannot be read leaves its last good version in force.
      assert.deepEqual(world.dump(), cold([...histories.values()].flat()).dump())
    }),
    { numRuns: 150 },
  )
})

test('the order in which objects arrive changes nothing', () => {
  fc.assert(
    fc.property(worldObjects, fc.infiniteStream(fc.nat()), (objects, random) => {
      const shuffled = objects.map(object => ({ object, at: random.next().value })).sort((a, b) => a.at - b.at)
      const world = new World()
      for (const { object } of shuffled) world.put(object)
      assert.deepEqual(world.dump(), cold(objects).dump())
    }),
    { numRuns: 60 },
  )
})

test('an update that changes no fact makes no revision', () => {
  fc.assert(
    fc.property(worldObjects, objects => {
      const world = cold(objects)
      const { revision } = world.settle()
      const touched = objects.map(object => ({
        ...object,
        metadata: { ...object.metadata, resourceVersion: '2', managedFields: [] },
      }))
      const settled = world.put(...touched)
      assert.equal(settled.revision, revision)
      assert.equal(settled.recomputed.size, 0)
    }),
    { numRuns: 60 },
  )
})

test('adding a TrafficTarget takes no permission away, and removing it adds none', () => {
  fc.assert(
    fc.property(livelyWorld, trafficTarget, (objects, target) => {
      const without = objects.filter(object => keyOf(object) !== keyOf(target))
      const before = new Map([...answers(cold(without))].map(answer => [answer.question, answer.allowed]))
      for (const { question, allowed } of answers(cold([...without, target]))) {
        assert.ok((before.get(question) ?? new Set()).isSubsetOf(allowed), question)
      }
    }),
    { numRuns: 60 },
  )
})

test('without TrafficTargets no identity is let into an enforcing namespace', () => {
  fc.assert(
    fc.property(livelyWorld, objects => {
      const world = cold(objects.filter(({ kind }) => kind !== 'TrafficTarget' && kind !== 'Namespace'))
      for (const { question, allowed } of answers(world)) {
        const meshed = [...allowed].filter(server => !server.endsWith(' '))
        assert.deepEqual(meshed, [], question)
      }
    }),
    { numRuns: 60 },
  )
})

test('whoever is let in is told of the Service, and of all that its routes lead to', () => {
  fc.assert(
    fc.property(livelyWorld, objects => {
      const world = cold(objects)
      const told = (source: string, service: ReturnType<typeof parseServicePortKey>['service']) =>
        world.mesh.exposure.get(service) === 'open' ||
        [...world.mesh.reach.entries()].some(
          ([identity, { services }]) => identity === source && services.includes(service),
        )
      for (const { question, port, source, allowed } of answers(world)) {
        if (allowed.size > 0) assert.ok(told(source, parseServicePortKey(port).service), question)
      }
      for (const source of IDENTITIES) {
        for (const [port, { routes }] of world.mesh.routes.entries()) {
          if (!told(source, parseServicePortKey(port).service)) continue
          for (const { action } of routes) {
            for (const { backend } of action.kind === 'forward' ? action.backends : []) {
              assert.ok(told(source, parseServicePortKey(backend).service), `${source} ${port} leads to ${backend}`)
            }
          }
        }
      }
    }),
    { numRuns: 80 },
  )
})

test('compiling takes any object, and every finding names an object that exists and a catalogued reason', () => {
  const junk = fc
    .tuple(anyObject, fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('spec', 'metadata', 'status'))
    .map(([object, value, field]) => {
      const metadata =
        field === 'metadata' && typeof value === 'object' ? { ...value, ...object.metadata } : object.metadata
      return { ...object, [field]: value, metadata }
    })
  fc.assert(
    fc.property(worldObjects, fc.array(junk, { maxLength: 10 }), (objects, odd) => {
      const world = cold([...objects, ...odd])
      const existing = new Set([...objects, ...odd].map(keyOf))
      for (const [subject, findings] of world.findings.entries()) {
        assert.ok(existing.has(subject), subject)
        for (const { reason, message } of findings) {
          assert.ok(reason in REASONS)
          assert.match(message, /[.`)]$/)
        }
      }
    }),
    { numRuns: 80 },
  )
})

test('an object of one namespace changes nothing about the Services and workloads of another', () => {
  fc.assert(
    fc.property(livelyWorld, anyObject, (objects, intruder) => {
      const elsewhere = {
        ...intruder,
        metadata: { ...intruder.metadata, namespace: 'elsewhere', name: `${intruder.metadata.name}` },
      }
      if (intruder.kind === 'Namespace') return
      const before = cold(objects).mesh
      const after = cold([...objects, elsewhere]).mesh
      for (const table of ['services', 'routes', 'endpoints', 'exposure', 'workloads', 'access'] as const) {
        for (const [key, value] of before[table].entries())
          assert.deepEqual(lookUp(after[table].entries(), key), value, `${table} ${key}`)
      }
    }),
    { numRuns: 80 },
  )
})

function lookUp(entries: Iterable<readonly [string, unknown]>, key: string): unknown {
  return new Map(entries).get(key)
}

test('an object that cannot be read changes nothing, whatever it was before', () => {
  fc.assert(
    fc.property(worldObjects, fc.nat(), (objects, at) => {
      const smi = objects.filter(({ apiVersion }) => apiVersion.includes('smi-spec'))
      const victim = smi[at % Math.max(1, smi.length)]
      if (victim === undefined) return
      const world = cold(objects)
      const { findings: _before, ...before } = world.dump()
      world.put({ ...victim, spec: 'nonsense' })
      const { findings: _after, ...after } = world.dump()
      assert.deepEqual(after, before)
      assert.ok(world.reasons(keyOf(victim)).includes('SchemaViolation'))
    }),
    { numRuns: 60 },
  )
})

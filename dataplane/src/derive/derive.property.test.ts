import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Graph } from './index.ts'

/** A graph with every feature: indexes, an index of a derived table, expand, reads of derived tables, a group as `over`. */
function world() {
  const graph = new Graph()
  const services = graph.source<string, number>('services')
  const splits = graph.source<string, { apex: string; to: readonly string[] }>('splits')
  const pods = graph.source<string, { service: string; ip: number }>('pods')
  const splitsByApex = graph.index('splitsByApex', splits, split => [split.apex])
  const podsByService = graph.index('podsByService', pods, pod => [pod.service])
  const endpoints = graph.derive({
    name: 'endpoints',
    over: services,
    reads: { podsByService, pods },
    compute: (key, _port, read) => [...read.podsByService(key)].map(pod => read.pods(pod)?.ip).sort(),
  })
  const routes = graph.derive({
    name: 'routes',
    over: services,
    reads: { splitsByApex, splits, services },
    compute: (key, port, read) => ({
      port,
      to: [...read.splitsByApex(key)]
        .sort()
        .flatMap(split => read.splits(split)?.to ?? [])
        .filter(service => read.services(service) !== undefined),
    }),
  })
  const routesTo = graph.index('routesTo', routes, route => route.to)
  const callers = graph.derive({
    name: 'callers',
    over: routesTo,
    reads: { endpoints },
    compute: (key, froms, read) => ({ froms: [...froms].sort(), at: read.endpoints(key) ?? [] }),
  })
  const hops = graph.expand({
    name: 'hops',
    over: routes,
    reads: { callers },
    compute: (key, route, read) =>
      [...new Set(route.to)].map(to => [`${key}>${to}`, read.callers(to)?.at.length ?? 0] as const),
  })
  return { graph, sources: { services, splits, pods }, tables: { endpoints, routes, callers, hops } }
}

const name = (prefix: string) => fc.integer({ min: 0, max: 4 }).map(n => `${prefix}${n}`)
const event = fc.oneof(
  fc.record({
    table: fc.constant('services' as const),
    key: name('s'),
    value: fc.option(fc.nat(3), { nil: undefined }),
  }),
  fc.record({
    table: fc.constant('splits' as const),
    key: name('split'),
    value: fc.option(fc.record({ apex: name('s'), to: fc.array(name('s'), { maxLength: 2 }) }), { nil: undefined }),
  }),
  fc.record({
    table: fc.constant('pods' as const),
    key: name('p'),
    value: fc.option(fc.record({ service: name('s'), ip: fc.nat(5) }), { nil: undefined }),
  }),
)

type Event = typeof event extends fc.Arbitrary<infer E> ? E : never

function write(sources: ReturnType<typeof world>['sources'], { table, key, value }: Event): void {
  const source = sources[table] as { set(key: string, value: unknown): void; delete(key: string): void }
  if (value === undefined) source.delete(key)
  else source.set(key, value)
}

function contents(tables: ReturnType<typeof world>['tables']) {
  return Object.fromEntries(
    Object.entries(tables).map(([name, table]) => [name, Object.fromEntries([...table.entries()].sort())]),
  )
}

test('after any events, settled at any moments, every table equals that of a fresh graph', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(event, fc.constant('settle' as const)), { maxLength: 60 }), steps => {
      const incremental = world()
      const last = new Map<string, Event>()
      for (const step of steps) {
        if (step === 'settle') incremental.graph.settle()
        else {
          write(incremental.sources, step)
          last.set(`${step.table}/${step.key}`, step)
        }
      }
      incremental.graph.settle()
      const fresh = world()
      for (const step of [...last.values()].reverse()) write(fresh.sources, step)
      fresh.graph.settle()
      assert.deepEqual(contents(incremental.tables), contents(fresh.tables))
    }),
    { numRuns: 1000 },
  )
})

test('writing what is already there computes nothing and is no revision', () => {
  const { graph, sources } = world()
  sources.services.set('s0', 1)
  sources.pods.set('p0', { service: 's0', ip: 1 })
  const before = graph.settle().revision
  sources.pods.set('p0', { service: 's0', ip: 1 })
  const after = graph.settle()
  assert.deepEqual([after.revision, [...after.recomputed]], [before, []])
})

test('the work for one change does not grow with the mesh', () => {
  const runs = [10, 1000].map(size => {
    const { graph, sources } = world()
    for (let n = 0; n < size; n++) {
      sources.services.set(`s${n}`, n)
      sources.pods.set(`p${n}`, { service: `s${n}`, ip: n })
      sources.splits.set(`split${n}`, { apex: `s${n}`, to: [`s${(n + 1) % size}`] })
    }
    graph.settle()
    sources.pods.set('p3', { service: 's3', ip: 4711 })
    return [...graph.settle().recomputed]
  })
  assert.deepEqual(runs[0], runs[1])
})

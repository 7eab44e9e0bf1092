import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Graph } from './index.ts'

test('only what looked at a changed key is computed again', () => {
  const graph = new Graph()
  const numbers = graph.source<string, number>('numbers')
  const factors = graph.source<string, number>('factors')
  const products = graph.derive({
    name: 'products',
    over: numbers,
    reads: { factors },
    compute: (key, value, read) => value * (read.factors(key) ?? 1),
  })
  for (const key of ['a', 'b', 'c']) numbers.set(key, 2)
  graph.settle()
  factors.set('b', 10)
  const settled = graph.settle()
  assert.equal(products.get('b'), 20)
  assert.deepEqual([...settled.recomputed], [['products', 1]])
  assert.deepEqual([...settled.changed(products)], ['b'])
})

test('an index tells which keys have a property, and its readers when that changes', () => {
  const graph = new Graph()
  const pods = graph.source<string, { service: string }>('pods')
  const services = graph.source<string, string>('services')
  const byService = graph.index('byService', pods, pod => [pod.service])
  const counts = graph.derive({
    name: 'counts',
    over: services,
    reads: { byService },
    compute: (key, _v, read) => read.byService(key).size,
  })
  services.set('web', '')
  pods.set('p1', { service: 'web' })
  pods.set('p2', { service: 'web' })
  graph.settle()
  assert.equal(counts.get('web'), 2)
  pods.set('p2', { service: 'other' })
  graph.settle()
  assert.equal(counts.get('web'), 1)
})

test('an index is itself a table: one output per property value', () => {
  const graph = new Graph()
  const pods = graph.source<string, { service: string }>('pods')
  const byService = graph.index('byService', pods, pod => [pod.service])
  const members = graph.derive({
    name: 'members',
    over: byService,
    compute: (_key, keys) => [...keys].sort().join(),
  })
  pods.set('b', { service: 'web' })
  pods.set('a', { service: 'web' })
  graph.settle()
  assert.equal(members.get('web'), 'a,b')
  pods.delete('a')
  pods.delete('b')
  graph.settle()
  assert.equal(members.get('web'), undefined)
})

test('a view changes only with the part it shows', () => {
  const graph = new Graph()
  const pods = graph.source<string, { ip: string; ready: boolean }>('pods')
  const addresses = graph.view('addresses', pods, pod => (pod.ready ? pod.ip : undefined))
  const readers = graph.derive({ name: 'readers', over: addresses, compute: (_key, ip) => ip })
  pods.set('a', { ip: '10.0.0.1', ready: true })
  assert.deepEqual([...graph.settle().recomputed], [['readers', 1]])
  pods.set('b', { ip: '10.0.0.2', ready: false })
  assert.deepEqual([...graph.settle().recomputed], [])
  pods.set('b', { ip: '10.0.0.2', ready: true })
  graph.settle()
  pods.delete('a')
  graph.settle()
  assert.deepEqual([...readers.entries()], [['b', '10.0.0.2']])
})

test('an output that moves between inputs in one settle stays', () => {
  const graph = new Graph()
  const sets = graph.source<string, readonly string[]>('sets')
  const items = graph.expand({
    name: 'items',
    over: sets,
    compute: (key, names) => names.map(name => [name, key] as const),
  })
  sets.set('left', ['x'])
  graph.settle()
  sets.set('right', ['x'])
  sets.set('left', [])
  graph.settle()
  assert.equal(items.get('x'), 'right')
})

test('a computation that throws leaves the last good output and is reported', () => {
  const graph = new Graph()
  const numbers = graph.source<string, number>('numbers')
  const out = graph.derive({
    name: 'out',
    over: numbers,
    compute: (_key, value) => {
      if (value < 0) throw new Error('negative')
      return value
    },
  })
  numbers.set('a', 1)
  numbers.set('b', 1)
  graph.settle()
  numbers.set('a', -1)
  numbers.set('b', 2)
  const { failures } = graph.settle()
  assert.deepEqual([out.get('a'), out.get('b'), failures.length], [1, 2, 1])
})

test('wrong reads do not type-check', () => {
  const graph = new Graph()
  const numbers = graph.source<string, number>('numbers')
  graph.derive({
    name: 'wrong-name',
    over: numbers,
    reads: { numbers },
    // @ts-expect-error what is not declared does not exist
    compute: (key, _value, read) => read.others(key),
  })
  graph.derive({
    name: 'wrong-key',
    over: numbers,
    reads: { numbers },
    // @ts-expect-error a key of another type
    compute: (_key, value, read) => read.numbers(value),
  })
})

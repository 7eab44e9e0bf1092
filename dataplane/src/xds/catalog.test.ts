import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type EnvoyResource, type GroupKey, TypeUrl } from '../mesh/resource.ts'
import { Catalog } from './catalog.ts'
import { envoyResource, group, scopeKey } from './testdata/make.ts'

const { cluster, listener } = TypeUrl
const WEB = scopeKey('shop/web')
const API = scopeKey('shop/api')
const [ALL, OPEN, OWN] = [group('all'), group('open'), group('own')]

const put = (catalog: Catalog, ...put: EnvoyResource[]) => catalog.commit({ put, remove: [], scopes: [] })
const scopes = (catalog: Catalog, groups: readonly GroupKey[] | undefined) =>
  catalog.commit({ put: [], remove: [], scopes: [[WEB, groups]] })
const changes = (catalog: Catalog, since: number) =>
  catalog.since(WEB, cluster, since)?.map(({ name, was, is }) => [name, was !== undefined, is !== undefined])

test('of the groups of a scope that have a name, the last one decides', () => {
  const catalog = new Catalog()
  scopes(catalog, [ALL, OPEN])
  put(catalog, envoyResource(OPEN, cluster, 'a', 'open'), envoyResource(ALL, cluster, 'a', 'all'))
  const open = catalog.current(WEB, cluster, 'a')
  scopes(catalog, [OPEN, ALL])
  assert.notEqual(catalog.current(WEB, cluster, 'a')?.version, open?.version)
})

test('what is no change makes no revision', () => {
  const catalog = new Catalog()
  const before = put(catalog, envoyResource(ALL, cluster, 'a', '1'))
  assert.equal(put(catalog, envoyResource(ALL, cluster, 'a', '1')), before)
  assert.equal(catalog.commit({ put: [], remove: [{ group: ALL, type: cluster, name: 'x' }], scopes: [] }), before)
})

test('a change of author alone is no change, and the author is known', () => {
  const catalog = new Catalog()
  scopes(catalog, [ALL])
  const before = put(catalog, envoyResource(ALL, cluster, 'a', '1'))
  const from = [{ kind: 'TrafficSplit', namespace: 'shop', name: 'canary' }]
  assert.equal(put(catalog, { ...envoyResource(ALL, cluster, 'a', '1'), from }), before)
  assert.deepEqual(catalog.current(WEB, cluster, 'a')?.from, from)
})

test('a change that was taken back is none', () => {
  const catalog = new Catalog()
  scopes(catalog, [ALL])
  const at = put(catalog, envoyResource(ALL, cluster, 'a', '1'))
  put(catalog, envoyResource(ALL, cluster, 'a', '2'))
  put(catalog, envoyResource(ALL, cluster, 'a', '1'))
  assert.deepEqual(changes(catalog, at), [])
})

test('a name that enters or leaves a scope is a change of that scope', () => {
  const catalog = new Catalog()
  scopes(catalog, [ALL])
  put(catalog, envoyResource(ALL, cluster, 'a', '1'), envoyResource(OPEN, cluster, 'b', '1'))
  const before = catalog.revision
  scopes(catalog, [ALL, OPEN])
  assert.deepEqual(changes(catalog, before), [['b', false, true]])
  const with_ = catalog.revision
  scopes(catalog, [ALL])
  assert.deepEqual(changes(catalog, with_), [['b', true, false]])
})

test('only scopes that list a changed group are affected', () => {
  const catalog = new Catalog()
  catalog.commit({
    put: [],
    remove: [],
    scopes: [
      [WEB, [ALL, OWN]],
      [API, [ALL]],
    ],
  })
  const before = catalog.revision
  put(catalog, envoyResource(OWN, listener, 'inbound', '1'))
  assert.deepEqual([...catalog.affectedSince(before)], [WEB])
})

test('changes of other groups do not make a quiet scope forget', () => {
  const catalog = new Catalog(10)
  scopes(catalog, [ALL])
  const at = put(catalog, envoyResource(ALL, cluster, 'a', '1'))
  for (let n = 0; n < 50; n++) put(catalog, envoyResource(OPEN, cluster, 'b', String(n)))
  assert.deepEqual(changes(catalog, at), [])
})

test('what is no longer remembered is said to be so', () => {
  const catalog = new Catalog(10)
  scopes(catalog, [ALL])
  const at = put(catalog, envoyResource(ALL, cluster, 'a', '1'))
  for (let n = 0; n < 50; n++) put(catalog, envoyResource(ALL, cluster, 'b', String(n)))
  assert.equal(changes(catalog, at), undefined)
})

test('a group that was emptied, forgotten and no longer listed is not mistaken for one without a past', () => {
  const catalog = new Catalog(2)
  scopes(catalog, [ALL, OWN])
  const at = put(catalog, envoyResource(OWN, cluster, 'a', '1'))
  catalog.commit({ put: [], remove: [{ group: OWN, type: cluster, name: 'a' }], scopes: [] })
  for (let n = 0; n < 5; n++) put(catalog, envoyResource(OPEN, cluster, 'b', String(n)))
  scopes(catalog, [ALL])
  assert.equal(changes(catalog, at), undefined)
  put(catalog, envoyResource(OWN, listener, 'inbound', '1'))
  assert.equal(changes(catalog, at), undefined)
})

test('a scope that is no more changes no more; made anew, it starts anew', () => {
  const catalog = new Catalog()
  scopes(catalog, [ALL])
  const at = put(catalog, envoyResource(ALL, cluster, 'a', '1'))
  scopes(catalog, undefined)
  put(catalog, envoyResource(ALL, cluster, 'a', '2'))
  assert.deepEqual(changes(catalog, at), [])
  scopes(catalog, [ALL])
  assert.equal(changes(catalog, at), undefined)
})

test('the difference since a revision is the difference of the two states, whatever happened in between', () => {
  const names = ['a', 'b', 'c']
  const groups = [ALL, OPEN, OWN]
  const resource = fc.record({
    of: fc.constantFrom(...groups),
    name: fc.constantFrom(...names),
    text: fc.constantFrom('1', '2', ''),
  })
  const commit = fc.oneof(resource, fc.shuffledSubarray(groups))
  fc.assert(
    fc.property(fc.array(commit, { maxLength: 40, size: 'max' }), fc.constantFrom(6, 1000), (all, budget) => {
      const catalog = new Catalog(budget)
      scopes(catalog, [ALL])
      const past = new Map<number, Map<string, string>>()
      for (const one of all) {
        if (Array.isArray(one)) scopes(catalog, one)
        else if (one.text !== '') put(catalog, envoyResource(one.of, cluster, one.name, one.text))
        else catalog.commit({ put: [], remove: [{ group: one.of, type: cluster, name: one.name }], scopes: [] })
        const versions = [...catalog.all(WEB, cluster)].map(([name, { version }]) => [name, version] as const)
        past.set(catalog.revision, new Map(versions))
      }
      const now = past.get(catalog.revision) ?? new Map<string, string>()
      for (const [revision, then] of past) {
        const since = catalog.since(WEB, cluster, revision)
        const expected = names.filter(name => then.get(name) !== now.get(name))
        if (since === undefined) assert.equal(budget, 6, 'a large memory forgets nothing')
        else
          assert.deepEqual(
            since.map(change => [change.name, change.was]),
            expected.map(name => [name, then.get(name)]),
          )
        for (const name of names) assert.equal(catalog.current(WEB, cluster, name)?.version, now.get(name))
      }
    }),
    { numRuns: 500 },
  )
})

/** HTTPRouteGroup, rule by rule: which requests a route speaks of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshConfig } from '@smi-mesh/dataplane/mesh'
import { manifests as manifestsOf, world } from '../../testdata/world.ts'

const GROUP = 'HTTPRouteGroup shop/api'

/** Whether shop/client gets through to web-v1 if one route, given as YAML, is all that is allowed. */
function through(
  route: string,
  call: { path?: string; method?: string; headers?: Record<string, string> },
  config: Partial<MeshConfig> = {},
): boolean {
  return made(`{name: r, ${route}}`, config).allows('shop/client', 'shop/web-v1:80', call)
}

function made(routes: string, config: Partial<MeshConfig> = {}) {
  return world(
    `
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: api, namespace: shop}
spec: {matches: [${routes}]}
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: tt, namespace: shop}
spec:
  destination: {kind: ServiceAccount, name: web-v1}
  sources: [{kind: ServiceAccount, name: client}]
  rules: [{kind: HTTPRouteGroup, name: api}]
`,
    config,
  )
}

test('pathRegex is anchored at its beginning alone', () => {
  const paths = ['/metrics', '/metrics/foo', '/metricsfoo', '/a/metrics']
  assert.deepEqual(
    paths.map(path => through('pathRegex: /metrics', { path })),
    [true, true, true, false],
  )
})

test('a mesh may be set to let pathRegex mean the whole path', () => {
  const paths = ['/metrics', '/metrics/foo']
  assert.deepEqual(
    paths.map(path => through('pathRegex: /metrics', { path }, { pathRegex: 'full' })),
    [true, false],
  )
})

test('the query is no part of the path', () => {
  assert.equal(through('pathRegex: /api$', { path: '/api?x=/other' }), true)
  assert.equal(through('pathRegex: /secret', { path: '/api?x=/secret' }), false)
})

test('a path is judged in its normal form', () => {
  const paths = ['/api/../secret', '//secret', '/%73ecret', '/api/./x', '/secret%2F..%2Fapi']
  assert.deepEqual(
    paths.map(path => through('pathRegex: /api', { path })),
    [false, false, false, true, false],
  )
})

test('a route without a path means any path', () => {
  assert.equal(through('methods: [GET]', { path: '/anything' }), true)
})

test('a route without methods, or with *, means all methods', () => {
  for (const methods of ['pathRegex: /', 'methods: ["*"]', 'methods: []'])
    assert.equal(through(methods, { method: 'PATCH' }), true, methods)
  assert.equal(through('methods: [GET, PUT]', { method: 'PATCH' }), false)
})

test('all headers of a route must fit', () => {
  const both = 'headers: {x-a: "1", x-b: "2"}'
  assert.equal(through(both, { headers: { 'x-a': '1', 'x-b': '2' } }), true)
  assert.equal(through(both, { headers: { 'x-a': '1' } }), false)
})

test('a header pattern means the whole value', () => {
  assert.deepEqual(
    ['1', '10', '01'].map(value => through('headers: {x-canary: "1"}', { headers: { 'x-canary': value } })),
    [true, false, false],
  )
})

test('header names are compared without regard to case', () => {
  assert.equal(through('headers: {X-Canary: "1"}', { headers: { 'x-CANARY': '1' } }), true)
})

test('a header that is absent does not match, whatever the pattern', () => {
  assert.equal(through('headers: {x-canary: ".*"}', {}), false)
  assert.equal(through('headers: {x-canary: ""}', { headers: { 'x-canary': '' } }), true)
})

test('the header host means the authority, without port and trailing dot', () => {
  const host = 'headers: {host: web\\.shop}'
  assert.deepEqual(
    ['web.shop', 'web.shop:80', 'web.shop.:80', 'web.shop.evil'].map(value =>
      through(host, { headers: { Host: value } }),
    ),
    [true, true, true, false],
  )
})

test('path, method and headers of one route must all fit', () => {
  const all = 'pathRegex: /api, methods: [GET], headers: {x-a: "1"}'
  assert.equal(through(all, { path: '/api', headers: { 'x-a': '1' } }), true)
  assert.equal(through(all, { path: '/api', method: 'POST', headers: { 'x-a': '1' } }), false)
})

test('headers may be written as a map or as a list', () => {
  for (const headers of ['headers: {x-a: "1"}', 'headers: [{x-a: "1"}]'])
    assert.equal(through(headers, { headers: { 'x-a': '1' } }), true, headers)
})

test('an expression that RE2 refuses makes its route match nothing, and no other', () => {
  const world = made('{name: bad, pathRegex: "(?=/)"}, {name: good, pathRegex: /good}')
  assert.equal(world.allows('shop/client', 'shop/web-v1:80', { path: '/bad' }), false)
  assert.equal(world.allows('shop/client', 'shop/web-v1:80', { path: '/good' }), true)
  assert.deepEqual(world.reasons(GROUP), ['RegexRefused'])
  assert.equal(world.findings.get(GROUP)?.[0]?.field, 'spec.matches[0].pathRegex')
})

test('an expression of more than 4,096 characters is refused', () => {
  assert.deepEqual(made(`{name: long, pathRegex: /${'a'.repeat(4096)}}`).reasons(GROUP), ['RegexRefused'])
})

test('a name that is no header name makes its route match nothing', () => {
  const world = made('{name: bad, headers: {":path": "/.*"}}')
  assert.equal(world.allows('shop/client', 'shop/web-v1:80'), false)
  assert.deepEqual(world.reasons(GROUP), ['HeaderName'])
})

test('two routes of one name are both meant', () => {
  const world = made('{name: r, pathRegex: /a}, {name: r, pathRegex: /b}')
  assert.deepEqual(
    ['/a', '/b'].map(path => world.allows('shop/client', 'shop/web-v1:80', { path })),
    [true, true],
  )
  assert.deepEqual(world.reasons(GROUP), ['DuplicateName'])
})

test('a group without routes allows nothing', () => {
  assert.equal(made('').allows('shop/client', 'shop/web-v1:80'), false)
})

test('routes at the top level of a v1alpha4 group are read, with a remark', () => {
  const group = `
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: api, namespace: shop}
matches: [{name: r, pathRegex: /top, methods: ["*"]}]
`
  const world = made('{name: x}')
  world.put(...manifestsOf(group))
  assert.deepEqual(
    ['/top', '/'].map(path => world.allows('shop/client', 'shop/web-v1:80', { path })),
    [true, false],
  )
  assert.deepEqual(world.reasons(GROUP), ['Lenient'])
})

/** Which Services whose proxies are told of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serviceKey, spiffeId } from '@smi-mesh/dataplane/mesh'
import { type World, world } from '../../testdata/world.ts'

const exposure = (made: World, name: string) => made.mesh.exposure.get(serviceKey('shop', name))
const reach = (made: World, serviceAccount: string) =>
  made.mesh.reach.get(spiffeId('cluster.local', { namespace: 'shop', serviceAccount }))?.services

const split = (apex: string, ...backends: readonly string[]) => `
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: ${apex}, namespace: shop}
spec: {service: ${apex}, backends: [${backends.map(name => `{service: ${name}, weight: 1}`).join(', ')}]}
`
const service = (name: string, selector: string) => `
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {selector: {${selector}}, ports: [{name: http, port: 80, targetPort: 8080}]}
`
const TARGET = `
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: {name: all, namespace: shop}
spec: {matches: {ports: []}}
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: tt, namespace: shop}
spec: {destination: {kind: ServiceAccount, name: web-v1}, sources: [{kind: ServiceAccount, name: client}], rules: [{kind: TCPRoute, name: all}]}
`
const plainPod = `
---
apiVersion: v1
kind: Pod
metadata: {name: plain, namespace: shop, labels: {app: plain}, annotations: {smi-mesh.dev/inject: disabled}}
spec: {containers: [{name: app}]}
status: {podIP: 10.1.1.1}
`
const inMode = (annotations: string) => `
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, annotations: {${annotations}}}
`

test('a Service of an enforcing namespace is restricted', () => {
  assert.equal(exposure(world(''), 'web'), 'restricted')
})

test('a Service of a permissive or auditing namespace is open', () => {
  for (const mode of ['permissive', 'audit'])
    assert.equal(exposure(world(inMode(`smi-mesh.dev/access: ${mode}`)), 'web'), 'open', mode)
})

test('letting in callers without an identity opens a Service to no identity', () => {
  assert.equal(exposure(world(inMode('smi-mesh.dev/unidentified: allow')), 'web'), 'restricted')
})

test('a Service with a pod outside the mesh behind it is open', () => {
  assert.equal(exposure(world(plainPod + service('plain', 'app: plain')), 'plain'), 'open')
})

test('a Service with nobody behind it is open, so that its callers hear 503 and not 403', () => {
  assert.equal(exposure(world(service('idle', 'app: idle')), 'idle'), 'open')
})

test('an apex is open if one of its backends is, and then all of them are, with all that those lead to', () => {
  const made = world(
    plainPod + service('plain', 'app: plain') + split('web', 'plain', 'web-v1') + split('web-v1', 'web-v2'),
  )
  assert.deepEqual(
    ['web', 'plain', 'web-v1', 'web-v2'].map(name => exposure(made, name)),
    ['open', 'open', 'open', 'open'],
  )
})

test('an open backend of a backend opens no apex above both', () => {
  const made = world(plainPod + service('plain', 'app: plain') + split('web', 'web-v1') + split('web-v1', 'plain'))
  assert.deepEqual(
    ['web', 'web-v1'].map(name => exposure(made, name)),
    ['restricted', 'open'],
  )
})

test('an identity reaches the Services behind which a TrafficTarget lets it in', () => {
  const made = world(TARGET)
  assert.deepEqual(reach(made, 'client'), ['shop/web', 'shop/web-v1'])
  assert.equal(reach(made, 'web-v2'), undefined)
})

test('whoever reaches an apex reaches all its backends, and theirs', () => {
  const made = world(
    TARGET + service('front', 'app: web, version: v1') + split('front', 'web-v2') + split('web-v2', 'web'),
  )
  assert.deepEqual(reach(made, 'client'), ['shop/front', 'shop/web', 'shop/web-v1', 'shop/web-v2'])
})

test('whoever reaches a backend reaches the apexes that lead to it', () => {
  const made = world(TARGET + service('front', 'app: client') + split('front', 'web-v1'))
  assert.ok(reach(made, 'client')?.includes(serviceKey('shop', 'front')))
})

test('what is open to all is not listed', () => {
  assert.deepEqual(reach(world(TARGET + inMode('smi-mesh.dev/access: audit')), 'client'), [])
})

test('a TrafficTarget that allows nothing reaches nothing', () => {
  assert.deepEqual(reach(world(TARGET.replace('name: all}]', 'name: gone}]')), 'client'), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import fc from 'fast-check'
import { anyObject, livelyWorld } from '../testdata/arbitrary.ts'
import { type Manifest, manifests, refOf, SCENE, World } from '../testdata/world.ts'
import { trial } from './trial.ts'

function tried(world: World, object: Manifest) {
  return trial({ ref: refOf(object), object }, world.graph, world.facts, world.findings)
}

const [BROKEN] = manifests(`
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: canary, namespace: shop }
spec: { service: web, backends: [{ service: nowhere, weight: 1 }] }
`)

test('an object that would not do what it says is found out before it is there', () => {
  assert.ok(BROKEN)
  const world = new World()
  world.put(...SCENE)
  assert.deepEqual(
    tried(world, BROKEN).map(({ reason }) => reason),
    ['BackendNotFound', 'NoUsableBackend'],
  )
  assert.deepEqual(world.reasons('TrafficSplit shop/canary'), [])
})

test('what is said of an object tried is what is said once it is there, and trying leaves no trace', () => {
  fc.assert(
    fc.property(livelyWorld, anyObject, (objects, object) => {
      const world = new World()
      world.put(...objects)
      const before = world.dump()
      const said = tried(world, object)
      assert.deepEqual(world.dump(), before)
      world.put(object)
      assert.deepEqual(said, world.findings.get(refText(refOf(object))) ?? [])
      const cold = new World()
      cold.put(...objects)
      cold.put(object)
      assert.deepEqual(world.dump(), cold.dump())
    }),
    { numRuns: 100 },
  )
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { converted, meaningOf, meta, split } from '../../testdata/objects.ts'

const matches = [{ kind: 'HTTPRouteGroup', name: 'firefox' }]
const backends = [
  { service: 'web-canary', weight: 0 },
  { service: 'web-primary', weight: 100 },
]
const asText = backends.map(({ service, weight }) => ({ service, weight: String(weight) }))

describe('conversion of TrafficSplits', () => {
  it('gives whole quantities of v1alpha1 as numbers, and numbers as quantities, without an annotation', () => {
    const old = split('v1alpha1', { service: 'web', backends: asText })
    const now = split('v1alpha4', { service: 'web', backends })
    assert.deepEqual(converted(old, 'v1alpha4'), now)
    assert.deepEqual(converted(now, 'v1alpha1'), old)
  })

  it('gives a client that writes v1alpha2 or v1alpha3 the same object back', () => {
    for (const version of ['v1alpha2', 'v1alpha3']) {
      const written = split(version, { service: 'web', backends })
      const stored = converted(written, 'v1alpha4')
      assert.deepEqual(stored['metadata'], meta())
      assert.deepEqual(stored['spec'], written['spec'])
      assert.deepEqual(converted(stored, version), written)
    }
  })

  it('keeps the ratio of fractions, and the fractions', () => {
    const fractions = [
      { service: 'a', weight: 1 },
      { service: 'b', weight: '500m' },
    ]
    const old = split('v1alpha1', { service: 'web', backends: fractions })
    const stored = converted(old, 'v1alpha4')
    assert.deepEqual(stored['spec'], {
      service: 'web',
      backends: [
        { service: 'a', weight: 1000 },
        { service: 'b', weight: 500 },
      ],
    })
    assert.deepEqual(converted(stored, 'v1alpha1'), old)
  })

  it('shows v1alpha1 the weights of now when others have changed them since', () => {
    const fractions = [
      { service: 'a', weight: '1' },
      { service: 'b', weight: '500m' },
    ]
    const { metadata } = converted(split('v1alpha1', { service: 'web', backends: fractions }), 'v1alpha4')
    const edited = { ...split('v1alpha4', { service: 'web', backends }), metadata }
    assert.deepEqual(converted(edited, 'v1alpha1'), split('v1alpha1', { service: 'web', backends: asText }))
  })

  it('never shows v1alpha1 a fraction that nobody wrote there', () => {
    const written = split('v1alpha3', { service: 'web', backends: [{ service: 'a', weight: '1000m' }] })
    const old = converted(written, 'v1alpha1')
    assert.deepEqual(old['spec'], { service: 'web', backends: [{ service: 'a', weight: '1' }] })
    assert.deepEqual(converted(old, 'v1alpha3'), written)
  })

  it('keeps matches in an annotation for versions without them', () => {
    const now = split('v1alpha4', { service: 'web', matches, backends })
    const old = converted(now, 'v1alpha2')
    assert.deepEqual(old['spec'], { service: 'web', backends })
    assert.deepEqual(old['metadata'], meta({ 'smi-mesh.dev/matches': JSON.stringify(matches) }))
    assert.deepEqual(meaningOf(old), meaningOf(now))
  })

  it('keeps matches when a client of v1alpha1 changes the weights', () => {
    const old = converted(split('v1alpha4', { service: 'web', matches, backends }), 'v1alpha1')
    const edited = { ...old, spec: { service: 'web', backends: asText.toReversed() } }
    const stored = converted(edited, 'v1alpha4')
    assert.deepEqual(stored, split('v1alpha4', { service: 'web', matches, backends: backends.toReversed() }))
  })

  it('leaves matches alone that cannot be read', () => {
    const broken = split('v1alpha2', { service: 'web', backends }, { 'smi-mesh.dev/matches': '[{"kind":' })
    assert.deepEqual(converted(broken, 'v1alpha4'), { ...broken, apiVersion: 'split.smi-spec.io/v1alpha4' })
  })

  it('leaves weights alone that are none', () => {
    const odd = [{ service: 'a', weight: 'much' }, { service: 'b', weight: '500m' }, 'c']
    const old = split('v1alpha1', { service: 'web', backends: odd })
    assert.deepEqual(converted(old, 'v1alpha4')['spec'], old['spec'])
  })
})

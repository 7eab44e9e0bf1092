import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namespaceFacts } from './namespace.ts'

function joined(
  labels: Readonly<Record<string, string>>,
  openServiceMeshLabels?: 'honour' | 'ignore',
): boolean | undefined {
  const ref = { kind: 'Namespace', namespace: '', name: 'shop' }
  const result = namespaceFacts(ref, { metadata: { name: 'shop', labels } }, openServiceMeshLabels)
  return result.kind === 'facts' ? result.facts.joined : undefined
}

test('a namespace joins the mesh by its label, and by that of Open Service Mesh', () => {
  assert.equal(joined({}), false)
  assert.equal(joined({ 'smi-mesh.dev/inject': 'enabled' }), true)
  assert.equal(joined({ 'smi-mesh.dev/inject': 'yes' }), false)
  assert.equal(joined({ 'openservicemesh.io/monitored-by': 'osm' }), true)
  assert.equal(joined({ 'openservicemesh.io/monitored-by': '' }), true, 'whatever its value, as the webhook has it')
})

test('the label of Open Service Mesh alone means nothing where it is to be ignored', () => {
  assert.equal(joined({ 'openservicemesh.io/monitored-by': 'osm' }, 'ignore'), false)
  assert.equal(joined({ 'openservicemesh.io/monitored-by': 'osm', 'smi-mesh.dev/inject': 'enabled' }, 'ignore'), true)
})

test('our own label has the last word', () => {
  assert.equal(joined({ 'openservicemesh.io/monitored-by': 'osm', 'smi-mesh.dev/inject': 'disabled' }), false)
})

test('whether a namespace takes pods without a proxy is said by an annotation, and strictly where it cannot be read', () => {
  const uninjected = (said: string | undefined) => {
    const annotations = said === undefined ? {} : { 'smi-mesh.dev/uninjected': said }
    const ref = { kind: 'Namespace', namespace: '', name: 'shop' }
    const result = namespaceFacts(ref, { metadata: { name: 'shop', annotations } })
    return result.kind === 'facts' ? [result.facts.uninjected, result.findings.length] : undefined
  }
  assert.deepEqual(uninjected(undefined), ['allow', 0])
  assert.deepEqual(uninjected('allow'), ['allow', 0])
  assert.deepEqual(uninjected('deny'), ['deny', 0])
  assert.deepEqual(uninjected('yes'), ['deny', 1])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshConfig } from '@smi-mesh/dataplane/mesh'
import { podFacts } from './pod.ts'

function facts(pod: object, proxied: MeshConfig['proxied']) {
  const result = podFacts({ kind: 'Pod', namespace: 'shop', name: 'web-1' }, pod, proxied)
  return result.kind === 'facts' ? result.facts : assert.fail()
}

const bearing = (annotations: Readonly<Record<string, string>>) => ({ metadata: { annotations }, spec: {} })

test('in a cluster a pod is in the mesh by the mark of injection, and by nothing else', () => {
  assert.equal(facts(bearing({}), 'injected').meshed, false)
  assert.equal(facts(bearing({ 'smi-mesh.dev/inject': 'enabled' }), 'injected').meshed, false)
  const injected = { 'smi-mesh.dev/status': 'injected', 'smi-mesh.dev/inject': 'disabled' }
  assert.equal(facts(bearing(injected), 'injected').meshed, true)
})

test('in files a pod is in the mesh unless it opts out', () => {
  assert.equal(facts(bearing({}), 'all').meshed, true)
  assert.equal(facts(bearing({ 'smi-mesh.dev/inject': 'disabled' }), 'all').meshed, false)
})

test('ports of the proxy are none of the application', () => {
  const proxy = { name: 'smi-mesh-proxy', restartPolicy: 'Always', ports: [{ containerPort: 15090 }] }
  const pod = { spec: { initContainers: [proxy], containers: [{ name: 'web', ports: [{ containerPort: 8080 }] }] } }
  assert.deepEqual(
    facts(pod, 'injected').ports.map(({ port }) => port),
    [8080],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fields } from '../facts/read.ts'
import { fieldsOf } from '../facts/read.ts'
import type { KubernetesClient, Resource } from '../kubernetes/index.ts'
import { MeshError, meshError } from '../mesh-error.ts'
import { tryAgain } from './held-back.ts'

/** A cluster of these objects; `touched` are those that were changed. That of the name `refused` may not be. */
function clusterOf(objects: Readonly<Record<string, readonly Fields[]>>) {
  const touched: string[] = []
  const client: Pick<KubernetesClient, 'list' | 'apply'> = {
    async *list({ plural }: Resource) {
      yield { items: objects[plural] ?? [], resourceVersion: '1' }
    },
    apply: async ({ plural }, object, { subresource }) => {
      const { name } = fieldsOf(object['metadata'])
      if (name === 'refused') throw new MeshError('ApiForbidden', 'No.')
      touched.push(`${plural}/${subresource} ${name}`)
      return object
    },
  }
  return { client, touched }
}

const failing = (message: string) => ({
  conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }],
})
const LACKING = { spec: { replicas: 3 }, status: { replicas: 1 } }
const OURS = 'Internal error occurred: failed calling webhook "pods.smi-mesh.dev": failed to call webhook: no endpoints'
const named = (name: string, more: Fields) => ({ metadata: { namespace: 'shop', name, uid: name }, ...more })

test('whoever could not create pods for want of our answer is made to try again, and nobody else', async () => {
  const { client, touched } = clusterOf({
    replicasets: [
      named('held', { status: failing(OURS) }),
      named('quota', { status: failing('exceeded quota: pods') }),
      named('other', { status: failing(OURS.replace('smi-mesh.dev', 'example.com')) }),
      named('well', { status: { replicas: 2 } }),
    ],
    statefulsets: [
      named('db', { spec: { replicas: 3 }, status: { replicas: 1 } }),
      named('one', { spec: {}, status: { replicas: 1 } }),
    ],
    daemonsets: [
      named('agent', { status: { desiredNumberScheduled: 2, currentNumberScheduled: 1 } }),
      named('full', { status: { desiredNumberScheduled: 2, currentNumberScheduled: 2 } }),
    ],
  })
  assert.deepEqual(await tryAgain(client, ['shop'], 0), { tried: 3, failures: [] })
  assert.deepEqual(touched, ['replicasets/status held', 'statefulsets/status db', 'daemonsets/status agent'])
})

test('one object that may not be changed keeps none of the others back, and is told of', async () => {
  const { client, touched } = clusterOf({
    replicasets: [named('refused', { status: failing(OURS) }), named('held', { status: failing(OURS) })],
    statefulsets: [named('db', LACKING)],
  })
  const { tried, failures } = await tryAgain(client, ['shop'], 0)
  assert.deepEqual([tried, failures.map(error => meshError(error, 'ApiForbidden')?.message)], [2, ['No.']])
  assert.deepEqual(touched, ['replicasets/status held', 'statefulsets/status db'])
})

test('what lacks pods for reasons that are none of the mesh is left alone', async () => {
  const asking = { template: { metadata: { labels: { 'smi-mesh.dev/inject': 'enabled' } } } }
  const { client, touched } = clusterOf({
    replicasets: [named('asked-for-itself', { status: failing(OURS) })],
    statefulsets: [
      named('no-volume', LACKING),
      named('asks-for-itself', { ...LACKING, spec: { ...LACKING.spec, ...asking } }),
    ],
    daemonsets: [named('no-room', { status: { desiredNumberScheduled: 2, currentNumberScheduled: 1 } })],
  })
  await tryAgain(client, ['elsewhere'], 0)
  assert.deepEqual(touched, ['replicasets/status asked-for-itself', 'statefulsets/status asks-for-itself'])
})

test('a look that is given up touches nothing more', async () => {
  const { client, touched } = clusterOf({ statefulsets: [named('refused', LACKING), named('db', LACKING)] })
  await assert.rejects(tryAgain(client, ['shop'], 0, AbortSignal.abort()))
  assert.deepEqual(touched, [])
})

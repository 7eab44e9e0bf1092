import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fields } from '../facts/read.ts'
import { fieldsOf } from '../facts/read.ts'
import type { KubernetesClient, Resource } from '../kubernetes/index.ts'
import { tryAgain } from './held-back.ts'

/** A cluster of these objects; `touched` are those that were changed. */
function clusterOf(objects: Readonly<Record<string, readonly Fields[]>>) {
  const touched: string[] = []
  const client: Pick<KubernetesClient, 'list' | 'apply'> = {
    async *list({ plural }: Resource) {
      yield { items: objects[plural] ?? [], resourceVersion: '1' }
    },
    apply: async ({ plural }, object, { subresource }) => {
      touched.push(`${plural}/${subresource} ${fieldsOf(object['metadata'])['name']}`)
      return object
    },
  }
  return { client, touched }
}

const failing = (message: string) => ({
  conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }],
})
const named = (name: string, more: Fields) => ({ metadata: { namespace: 'shop', name, uid: name }, ...more })

test('whoever could not create pods for want of our answer is made to try again, and nobody else', async () => {
  const ours =
    'Internal error occurred: failed calling webhook "pods.smi-mesh.dev": failed to call webhook: no endpoints'
  const { client, touched } = clusterOf({
    replicasets: [
      named('held', { status: failing(ours) }),
      named('quota', { status: failing('exceeded quota: pods') }),
      named('other', { status: failing(ours.replace('smi-mesh.dev', 'example.com')) }),
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
  assert.equal(await tryAgain(client, 0), 3)
  assert.deepEqual(touched, ['replicasets/status held', 'statefulsets/status db', 'daemonsets/status agent'])
})

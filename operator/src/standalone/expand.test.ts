import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import { parseFile } from '../sources/parse-file.ts'
import type { SourceChange } from '../sources/source.ts'
import { CLUSTER_PLAN, desiredOf, expand, expandAsReady, LOOPBACK_PLAN, serviceAddresses } from './expand.ts'
import { at, documentAt } from './fields.ts'

const written = (yaml: string): readonly SourceChange[] => {
  const parsed = parseFile('shop.yaml', yaml)
  assert.equal(parsed.kind, 'ok')
  return parsed.kind === 'ok' ? parsed.objects : []
}

const deployment = (name: string, more = '') => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: shop}
spec:
  ${more}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      serviceAccountName: ${name}
      containers: [{name: app, command: [node, app.ts], ports: [{containerPort: 8080}]}]
`
const service = (name: string, more = '') =>
  `---\napiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop}\nspec: {${more}selector: {app: web}, ports: [{port: 80}]}\n`

const byRef = (changes: readonly SourceChange[]) => new Map(changes.map(change => [refText(change.ref), change]))
const podsOf = (yaml: string) => desiredOf(byRef(written(yaml)))

test('a Deployment becomes its pods, owned by a ReplicaSet that the Deployment owns', () => {
  const objects = byRef(expandAsReady(written(deployment('web', 'replicas: 2')), LOOPBACK_PLAN))
  const pods = [...objects.values()].filter(({ ref }) => ref.kind === 'Pod')
  assert.equal(pods.length, 2)
  const [pod] = pods
  const set = at(documentAt(pod?.object, 'metadata')['ownerReferences'], 'x') // a list has no fields
  assert.equal(set, undefined)
  const owners = documentAt(pod?.object, 'metadata')['ownerReferences']
  const name = Array.isArray(owners) ? at(owners[0], 'name') : undefined
  const replicaSet = objects.get(`ReplicaSet shop/${name}`)
  const above = documentAt(replicaSet?.object, 'metadata')['ownerReferences']
  assert.deepEqual(Array.isArray(above) && [at(above[0], 'kind'), at(above[0], 'name')], ['Deployment', 'web'])
  assert.equal(`web-${at(pod?.object, 'metadata.labels.pod-template-hash')}`, name)
  assert.equal(pod?.origin, 'shop.yaml:1')
})

test('a pod has the address of its subnet and is ready when it is', () => {
  const { pods } = podsOf(deployment('web'))
  const [pod] = pods
  assert.ok(pod)
  const status = (state: 'unready' | 'ready' | 'stopping') => {
    const [object] = [...expand(new Map(), new Map(), [{ pod, state, subnet: 7, since: 0 }]).values()].filter(
      ({ ref }) => ref.kind === 'Pod',
    )
    const conditions = documentAt(object?.object, 'status')['conditions']
    const ready = Array.isArray(conditions)
      ? conditions.find(condition => at(condition, 'type') === 'Ready')
      : undefined
    return [
      at(object?.object, 'status.podIP'),
      at(ready, 'status'),
      at(object?.object, 'metadata.deletionTimestamp') !== undefined,
    ]
  }
  assert.deepEqual(status('unready'), ['127.7.0.1', 'False', false])
  assert.deepEqual(status('ready'), ['127.7.0.1', 'True', false])
  assert.deepEqual(status('stopping'), ['127.7.0.1', 'False', true])
})

test('Services are given loopback cluster IPs, whatever they ask for, except headless ones', () => {
  const yaml = service('a') + service('b', 'clusterIP: 10.0.0.9, ') + service('c', 'clusterIP: None, ')
  const objects = byRef(expandAsReady(written(yaml), LOOPBACK_PLAN))
  const ips = ['a', 'b', 'c'].map(name => at(objects.get(`Service shop/${name}`)?.object, 'spec.clusterIP'))
  assert.deepEqual(ips, ['127.0.1.0', '127.0.1.1', 'None'])
  assert.deepEqual(
    serviceAddresses(objects).map(({ name }) => name),
    ['a', 'b'],
  )
})

test('what only shares its name with a kind of Kubernetes is neither run nor given an address', () => {
  const knative = service('web').replace('apiVersion: v1', 'apiVersion: serving.knative.dev/v1').replace('---\n', '')
  const rival = deployment('web').replace('apps/v1', 'apps.example.com/v1')
  const objects = byRef(expandAsReady(written(`${knative}---\n${rival}`), LOOPBACK_PLAN))
  assert.deepEqual(
    [...objects.keys()],
    ['Service.serving.knative.dev shop/web', 'Deployment.apps.example.com shop/web'],
  )
  assert.deepEqual(serviceAddresses(objects), [])
})

test('as a cluster would, given cluster IPs stay and images need no command', () => {
  const yaml =
    deployment('web').replace('command: [node, app.ts]', 'image: web:1') + service('b', 'clusterIP: 10.0.0.9, ')
  const objects = byRef(expandAsReady(written(yaml), CLUSTER_PLAN))
  assert.equal(at(objects.get('Service shop/b')?.object, 'spec.clusterIP'), '10.0.0.9')
  assert.equal([...objects.values()].filter(({ object }) => at(object, 'status.podIP') === '10.244.0.1').length, 1)
})

test('another template is another revision; another count, order of keys or Service is not', () => {
  const revision = (yaml: string) => podsOf(yaml).pods[0]?.revision
  const base = revision(deployment('web'))
  assert.equal(revision(deployment('web', 'replicas: 3')), base)
  assert.equal(
    revision(deployment('web').replace('{name: app, command: [node, app.ts]', '{command: [node, app.ts], name: app')),
    base,
  )
  assert.notEqual(revision(deployment('web').replace('app.ts', 'other.ts')), base)
})

test('what cannot be run is named with its field', () => {
  const yaml = `${deployment('web').replace('command: [node, app.ts]', 'image: web:1')}---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\n`
  const refused = podsOf(yaml).refused.map(({ change, field }) => `${refText(change.ref)} ${field}`)
  assert.deepEqual(refused, ['Deployment shop/web spec.template.spec.containers[0].command', 'Job default/j kind'])
})

test('a StatefulSet counts its pods, a Pod with an address is left as it is', () => {
  const set = deployment('db', 'replicas: 2').replace('Deployment', 'StatefulSet')
  const pod =
    '---\napiVersion: v1\nkind: Pod\nmetadata: {name: fixed}\nspec: {containers: []}\nstatus: {podIP: 127.9.0.1}\n'
  assert.deepEqual(
    podsOf(set + pod).pods.map(({ key }) => key),
    ['shop/db-0', 'shop/db-1'],
  )
  const objects = byRef(expandAsReady(written(set + pod), LOOPBACK_PLAN))
  assert.equal(at(objects.get('Pod default/fixed')?.object, 'status.podIP'), '127.9.0.1')
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { fieldsOf, textOf } from '../facts/read.ts'
import { clusterOf } from './testdata/cluster-of.ts'
import { gone, leftovers, parting, proxiesLeft, refuseElsewhere } from './uninstall.ts'

const GOLDEN = join(import.meta.dirname, '../../../helm/smi-mesh/tests/golden/company.yaml')
const rendered = parseAllDocuments(readFileSync(GOLDEN, 'utf8')).flatMap(document => document.toJSON() ?? [])
const named = (object: unknown) =>
  `${textOf(fieldsOf(object)['kind'])} ${textOf(fieldsOf(fieldsOf(object)['metadata'])['name'])}`
const never = new AbortController().signal

async function found(objects: readonly object[], crds: boolean): Promise<readonly string[]> {
  const api = { ...clusterOf(objects.map(fieldsOf)), remove: async () => {} }
  const options = { namespace: 'smi-mesh', crds, removeNamespace: false }
  return (await leftovers(api, options, never)).map(({ resource, at }) => `${resource.kind} ${at.name}`)
}

describe('smictl uninstall', () => {
  it('knows everything that the chart makes', async () => {
    assert.deepEqual([...(await found(rendered, true))].sort(), rendered.map(named).sort())
  })

  it('leaves the definitions, and with them what users wrote, unless it is told otherwise', async () => {
    assert.ok((await found(rendered, false)).every(name => !name.startsWith('CustomResourceDefinition')))
  })

  it('removes webhooks before the operator that answers them, and what Helm remembers last', async () => {
    const record = {
      kind: 'Secret',
      metadata: {
        name: 'sh.helm.release.v1.smi-mesh.v1',
        namespace: 'smi-mesh',
        labels: { owner: 'helm', name: 'smi-mesh' },
      },
    }
    const authority = { kind: 'Secret', metadata: { name: 'smi-mesh-authority', namespace: 'smi-mesh' } }
    const other = { kind: 'Secret', metadata: { name: 'theirs', namespace: 'smi-mesh' } }
    const order = await found([other, record, authority, ...rendered], false)
    assert.match(order[0] ?? '', /WebhookConfiguration/)
    assert.ok(order.indexOf('ValidatingWebhookConfiguration smi-mesh') < order.indexOf('Deployment smi-mesh'))
    assert.ok(order.includes('Secret smi-mesh-authority'))
    assert.ok(!order.includes('Secret theirs'))
    assert.equal(order.at(-1), 'Secret sh.helm.release.v1.smi-mesh.v1')
  })

  it('counts the pods that go on with a proxy, not those that are leaving', async () => {
    const annotations = { 'smi-mesh.dev/status': 'injected' }
    const pod = (name: string, metadata: object) => ({
      kind: 'Pod',
      metadata: { name, namespace: 'shop', ...metadata },
    })
    const leaving = pod('leaving', { annotations, deletionTimestamp: '2026-01-01T00:00:00Z' })
    const pods = [pod('stays', { annotations }), leaving, pod('bare', {})]
    assert.equal(await proxiesLeft(clusterOf(pods.map(fieldsOf)), never), 1)
  })

  it('is over once namespaces and definitions are gone, or when they take too long', async () => {
    const namespace = { kind: 'Namespace', metadata: { name: 'smi-mesh' } }
    const resource = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false }
    const removed = [{ resource, at: { namespace: '', name: 'smi-mesh' } }]
    let asked = 0
    const going = {
      get: async () => (++asked < 3 ? namespace : clusterOf([]).get(resource, { namespace: '', name: '' })),
    }
    assert.equal(await gone(going, removed, { now: () => 0, ended: never }), true)
    assert.equal(asked, 3)
    let time = 0
    const stuck = { get: async () => namespace }
    assert.equal(await gone(stuck, removed, { now: () => (time += 70_000), ended: never }), false)
  })

  it('says of what is there that it is left, and of nothing else', async () => {
    const options = { namespace: 'smi-mesh', crds: false, removeNamespace: false }
    const definition = { kind: 'CustomResourceDefinition', metadata: { name: 'trafficsplits.split.smi-spec.io' } }
    const left = [definition, { kind: 'Namespace', metadata: { name: 'smi-mesh' } }]
    const saidOf = (objects: readonly object[]) => parting(clusterOf(objects.map(fieldsOf)), options, 1, never)
    assert.match(await saidOf(left), /^Definitions .* --crds removes.*\nNamespace smi-mesh is left;/)
    assert.equal(await saidOf([]), '')
  })

  it('refuses to remove half of a mesh that lives in another namespace than it was told', async () => {
    const refusal = (objects: readonly object[], namespace: string) =>
      refuseElsewhere(clusterOf(objects.map(fieldsOf)), { namespace }, never)
    await assert.rejects(refusal(rendered, 'mesh'), /is in namespace smi-mesh, not in mesh\. Nothing was removed/)
    await refusal(rendered, 'smi-mesh')
    await refusal([], 'mesh')
  })
})

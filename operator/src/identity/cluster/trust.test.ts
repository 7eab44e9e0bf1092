import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fields, fieldsOf } from '../../facts/read.ts'
import { RESOURCES } from '../../kubernetes/index.ts'
import { json, refuse, scriptedServer } from '../../kubernetes/testdata/scripted-server.ts'
import { caBundle, knowsRoots, type OwnerReference, ownerOf } from './trust.ts'

const ROOTS = 'ROOT'
const OURS = { name: 'smi-mesh', namespace: 'smi-mesh' }
const BUNDLE = Buffer.from(ROOTS).toString('base64')

/** What is applied to an object that the API server has as given; undefined where nothing is. */
async function applied(resource: Parameters<typeof caBundle>[1], object: Fields | undefined): Promise<unknown> {
  let sent: unknown
  await using server = await scriptedServer(({ method, body }, response) => {
    if (method === 'PATCH') sent = JSON.parse(body)
    if (object === undefined) refuse(response, 404, 'not found')
    else json(response, 200, object)
  })
  const places = { client: server.client, name: 'smi-mesh-trust', namespace: 'smi-mesh', fieldManager: 'smi-mesh' }
  await caBundle(places, resource, 'smi-mesh', ROOTS).run(new AbortController().signal)
  return sent
}

test('every webhook of a configuration is verified by the roots, and nothing else of it is ours', async () => {
  const { mutatingWebhookConfigurations } = RESOURCES
  const webhooks = [
    { name: 'a', clientConfig: { caBundle: BUNDLE } },
    { name: 'b', failurePolicy: 'Fail' },
  ]
  assert.deepEqual(fieldsOf(await applied(mutatingWebhookConfigurations, { webhooks }))['webhooks'], [
    { name: 'a', clientConfig: { caBundle: BUNDLE } },
    { name: 'b', clientConfig: { caBundle: BUNDLE } },
  ])
})

test('what has the roots already is not written', async () => {
  const webhooks = [{ name: 'a', clientConfig: { caBundle: BUNDLE } }]
  assert.equal(await applied(RESOURCES.validatingWebhookConfigurations, { webhooks }), undefined)
})

test('a CRD that converts by webhook is given the roots; one that does not is left alone, as is one that is not there', async () => {
  const { customResourceDefinitions } = RESOURCES
  const spec = { conversion: { strategy: 'Webhook', webhook: { clientConfig: { service: OURS } } } }
  const conversion = { strategy: 'Webhook', webhook: { clientConfig: { caBundle: BUNDLE } } }
  assert.deepEqual(fieldsOf(await applied(customResourceDefinitions, { spec }))['spec'], { conversion })
  assert.equal(await applied(customResourceDefinitions, { spec: { conversion: { strategy: 'None' } } }), undefined)
  assert.equal(await applied(customResourceDefinitions, undefined), undefined)
})

test('a CRD that somebody else converts is left alone', async () => {
  for (const service of [
    { ...OURS, name: 'osm-bootstrap' },
    { ...OURS, namespace: 'another-mesh' },
  ]) {
    const spec = { conversion: { strategy: 'Webhook', webhook: { clientConfig: { service } } } }
    assert.equal(await applied(RESOURCES.customResourceDefinitions, { spec }), undefined, service.name)
  }
})

test('who calls us knows our roots if each of its webhooks knows one of them', async () => {
  const { mutatingWebhookConfigurations: resource } = RESOURCES
  const bundle = (text: string) => ({ clientConfig: { caBundle: Buffer.from(text).toString('base64') } })
  const isKnown = async (object: Fields | undefined) => {
    await using server = await scriptedServer((_request, response) => {
      if (object === undefined) refuse(response, 404, 'not found')
      else json(response, 200, object)
    })
    return await knowsRoots({ client: server.client, namespace: 'smi-mesh' }, resource, 'smi-mesh', ['NEW', 'OLD'])
  }
  assert.equal(await isKnown({ webhooks: [bundle('OLD'), bundle('OTHER NEW')] }), true, 'the next one is still to come')
  assert.equal(await isKnown({ webhooks: [bundle('OLD'), { clientConfig: {} }] }), false)
  assert.equal(await isKnown({ webhooks: [bundle('OTHER')] }), false)
  assert.equal(await isKnown({ spec: { conversion: { strategy: 'None' } } }), true)
  assert.equal(await isKnown(undefined), true, 'nobody is asked who is not installed')
})

test('the owner is the object that is there now, by its UID', async () => {
  let uid: string | undefined = 'first'
  await using server = await scriptedServer((_request, response) => {
    if (uid === undefined) refuse(response, 404, 'not found')
    else json(response, 200, { metadata: { uid } })
  })
  const told: (OwnerReference | undefined)[] = []
  const places = { client: server.client, name: 'smi-mesh-trust', namespace: 'smi-mesh', fieldManager: 'smi-mesh' }
  const chore = ownerOf(places, RESOURCES.mutatingWebhookConfigurations, 'smi-mesh', owner => told.push(owner))
  for (uid of ['first', undefined, 'second']) await chore.run(new AbortController().signal)
  assert.deepEqual(
    told.map(owner => owner?.uid),
    ['first', undefined, 'second'],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf } from '../../facts/read.ts'
import { json, refuse, scriptedServer } from '../../kubernetes/testdata/scripted-server.ts'
import { FakeClock } from '../testdata/fake-clock.ts'
import { TRUST_DOMAIN } from '../testdata/rig.ts'
import { TrustConfigMaps, type TrustEvent } from './trust-config-maps.ts'

const OWNER = { apiVersion: 'v1', kind: 'MutatingWebhookConfiguration', name: 'smi-mesh', uid: 'u-1' }
const bundle = (...roots: string[]) => ({ trustDomain: TRUST_DOMAIN, roots })

/** An API server that keeps what is applied, by namespace, and refuses namespaces named so. */
async function scene(leader = { is: true }) {
  const kept = new Map<string, unknown>()
  const refused = new Map<string, number>()
  const server = await scriptedServer(({ method, path, query, body }, response) => {
    const [, namespace = ''] = /^\/api\/v1\/namespaces\/([^/]+)\/configmaps\/smi-mesh-trust$/.exec(path) ?? []
    assert.deepEqual([method, query.get('fieldManager'), query.get('force')], ['PATCH', 'smi-mesh', 'true'])
    const code = refused.get(namespace)
    if (code !== undefined) return refuse(response, code, 'no')
    const object = fieldsOf(JSON.parse(body))
    kept.set(namespace, object)
    return json(response, 200, object)
  })
  const clock = new FakeClock()
  const events: TrustEvent[] = []
  const trust = new TrustConfigMaps({
    client: server.client,
    name: 'smi-mesh-trust',
    fieldManager: 'smi-mesh',
    owner: OWNER,
    leads: () => leader.is,
    setTimer: clock.setTimer,
    onEvent: event => events.push(event),
  })
  const roots = () =>
    Object.fromEntries([...kept].map(([at, map]) => [at, fieldsOf(fieldsOf(map)['data'])['roots.pem']]))
  const dispose = async () => {
    await trust.stop()
    await server[Symbol.asyncDispose]()
  }
  return { trust, clock, events, kept, refused, server, roots, [Symbol.asyncDispose]: dispose }
}

test('every namespace with proxies has the roots, and what owns them', async () => {
  await using here = await scene()
  here.trust.namespaces(['shop', 'web'])
  here.trust.bundle(bundle('ONE'))
  await here.trust.settled()
  assert.deepEqual(here.roots(), { shop: 'ONE', web: 'ONE' })
  assert.deepEqual(fieldsOf(fieldsOf(here.kept.get('shop'))['metadata'])['ownerReferences'], [OWNER])
})

test('a root that comes or goes is written everywhere; what is right is left alone', async () => {
  await using here = await scene()
  here.trust.bundle(bundle('ONE'))
  here.trust.namespaces(['shop'])
  await here.trust.settled()
  here.trust.namespaces(['shop', 'web'])
  await here.trust.settled()
  assert.equal(here.server.asked.length, 2)
  here.trust.bundle(bundle('ONE', 'TWO'))
  await here.trust.settled()
  assert.deepEqual(here.roots(), { shop: 'ONETWO', web: 'ONETWO' })
})

test('a replica that does not lead writes nothing, and everything when it comes to lead', async () => {
  const leader = { is: false }
  await using here = await scene(leader)
  here.trust.bundle(bundle('ONE'))
  here.trust.namespaces(['shop'])
  await here.trust.settled()
  assert.deepEqual(here.roots(), {})
  leader.is = true
  here.trust.leading()
  await here.trust.settled()
  assert.deepEqual(here.roots(), { shop: 'ONE' })
})

test('what somebody changed or removed is put right within a minute', async () => {
  await using here = await scene()
  here.trust.bundle(bundle('ONE'))
  here.trust.namespaces(['shop'])
  await here.trust.settled()
  here.kept.clear()
  await here.clock.run(60_000)
  await here.trust.settled()
  assert.deepEqual(here.roots(), { shop: 'ONE' })
})

test('a namespace that refuses holds up no other, is reported once, and is tried again', async () => {
  await using here = await scene()
  here.refused.set('closed', 403)
  here.trust.bundle(bundle('ONE'))
  here.trust.namespaces(['closed', 'shop'])
  await here.trust.settled()
  assert.deepEqual(here.roots(), { shop: 'ONE' })
  await here.clock.run(5_000)
  await here.trust.settled()
  here.refused.clear()
  await here.clock.run(5_000)
  await here.trust.settled()
  assert.deepEqual(here.roots(), { shop: 'ONE', closed: 'ONE' })
  const told = here.events.map(event => (event.kind === 'trustFailed' ? event.first : event.kind))
  assert.deepEqual(told, [true, false, 'trustRecovered'])
})

test('a namespace that is being removed is nobody’s failure', async () => {
  await using here = await scene()
  here.refused.set('shop', 404)
  here.trust.bundle(bundle('ONE'))
  here.trust.namespaces(['shop'])
  await here.trust.settled()
  assert.deepEqual(here.events, [])
})

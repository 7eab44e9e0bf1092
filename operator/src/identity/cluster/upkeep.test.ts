import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf } from '../../facts/read.ts'
import { json, refuse, scriptedServer } from '../../kubernetes/testdata/scripted-server.ts'
import { FakeClock } from '../testdata/fake-clock.ts'
import { type TrustPlaces, trustConfigMap } from './trust.ts'
import { Upkeep, type UpkeepEvent } from './upkeep.ts'

const OWNER = { apiVersion: 'v1', kind: 'MutatingWebhookConfiguration', name: 'smi-mesh', uid: 'u-1' }

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
  const events: UpkeepEvent[] = []
  const places: TrustPlaces = {
    client: server.client,
    name: 'smi-mesh-trust',
    namespace: 'smi-mesh',
    fieldManager: 'smi-mesh',
  }
  const wanted = { roots: '', namespaces: [] as readonly string[] }
  const upkeep = new Upkeep({
    chores: () => wanted.namespaces.map(namespace => trustConfigMap(places, namespace, wanted.roots, OWNER)),
    leads: () => leader.is,
    setTimer: clock.setTimer,
    onEvent: event => events.push(event),
  })
  const publish = async (text: string, ...namespaces: string[]) => {
    wanted.roots = text
    wanted.namespaces = namespaces
    upkeep.look()
    await upkeep.settled()
  }
  const roots = () =>
    Object.fromEntries([...kept].map(([at, map]) => [at, fieldsOf(fieldsOf(map)['data'])['roots.pem']]))
  const dispose = async () => {
    await upkeep.stop()
    await server[Symbol.asyncDispose]()
  }
  return { upkeep, publish, clock, events, kept, refused, server, roots, [Symbol.asyncDispose]: dispose }
}

test('every namespace with proxies has the roots, and what owns them', async () => {
  await using here = await scene()
  await here.publish('ONE', 'shop', 'web')
  assert.deepEqual(here.roots(), { shop: 'ONE', web: 'ONE' })
  assert.deepEqual(fieldsOf(fieldsOf(here.kept.get('shop'))['metadata'])['ownerReferences'], [OWNER])
})

test('a root that comes or goes is written everywhere; what is right is left alone', async () => {
  await using here = await scene()
  await here.publish('ONE', 'shop')
  await here.publish('ONE', 'shop', 'web')
  assert.equal(here.server.asked.length, 2)
  await here.publish('ONETWO', 'shop', 'web')
  assert.deepEqual(here.roots(), { shop: 'ONETWO', web: 'ONETWO' })
})

test('a replica that does not lead writes nothing, and everything when it comes to lead', async () => {
  const leader = { is: false }
  await using here = await scene(leader)
  await here.publish('ONE', 'shop')
  assert.deepEqual(here.roots(), {})
  leader.is = true
  here.upkeep.leading()
  await here.upkeep.settled()
  assert.deepEqual(here.roots(), { shop: 'ONE' })
})

test('what somebody changed or removed is put right within a minute', async () => {
  await using here = await scene()
  await here.publish('ONE', 'shop')
  here.kept.clear()
  await here.clock.run(60_000)
  await here.upkeep.settled()
  assert.deepEqual(here.roots(), { shop: 'ONE' })
})

test('what somebody changed is put right within a minute, however much else goes on', async () => {
  await using here = await scene()
  await here.publish('ONE', 'shop')
  here.kept.clear()
  for (let seconds = 0; seconds < 60; seconds += 10) {
    await here.clock.run(10_000)
    await here.publish('ONE', 'shop')
  }
  assert.deepEqual(here.roots(), { shop: 'ONE' })
})

test('a namespace that refuses is not asked again with everything that happens', async () => {
  await using here = await scene()
  here.refused.set('closed', 403)
  for (let times = 0; times < 5; times++) await here.publish('ONE', 'closed')
  assert.equal(here.server.asked.length, 1)
  await here.publish('TWO', 'closed')
  assert.equal(here.server.asked.length, 2, 'what is new is tried at once')
})

test('who ceases to lead stops in the middle', async () => {
  const leader = { is: true }
  await using here = await scene(leader)
  const { length } = here.server.asked
  const publishing = here.publish('ONE', 'shop', 'web', 'till')
  leader.is = false
  await publishing
  assert.equal(here.server.asked.length, length + 1)
})

test('a namespace that refuses holds up no other, is reported once, and is tried again', async () => {
  await using here = await scene()
  here.refused.set('closed', 403)
  await here.publish('ONE', 'closed', 'shop')
  assert.deepEqual(here.roots(), { shop: 'ONE' })
  await here.clock.run(5_000)
  await here.upkeep.settled()
  here.refused.clear()
  await here.clock.run(5_000)
  await here.upkeep.settled()
  assert.deepEqual(here.roots(), { shop: 'ONE', closed: 'ONE' })
  const told = here.events.map(event => (event.kind === 'upkeepFailed' ? event.first : event.kind))
  assert.deepEqual(told, [true, false, 'upkeepRecovered'])
})

test('a namespace that is being removed is nobody’s failure', async () => {
  await using here = await scene()
  here.refused.set('shop', 404)
  await here.publish('ONE', 'shop')
  assert.deepEqual(here.events, [])
})

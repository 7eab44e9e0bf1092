import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fields, fieldsOf } from '../facts/read.ts'
import { json, refuse, scriptedServer } from '../kubernetes/testdata/scripted-server.ts'
import { Announcer, newlyWrong } from './announce.ts'

const SPLIT = {
  apiVersion: 'split.smi-spec.io/v1alpha4',
  kind: 'TrafficSplit',
  namespace: 'shop',
  name: 'canary',
  uid: 'u-1',
}
const MISSING = { reason: 'BackendNotFound', message: 'Service shop/web-v9 does not exist.' }

const TERMINATING = {
  kind: 'Status',
  message: 'events "a" is forbidden: unable to create new content in namespace shop because it is being terminated',
  details: { causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }] },
}

async function scene(state: 'up' | 'down' | 'terminating' = 'up') {
  const events: Fields[] = []
  const failures: unknown[] = []
  let now = Date.UTC(2030, 0, 1)
  const server = await scriptedServer(({ method, path, body }, response) => {
    assert.deepEqual([method, path], ['POST', '/api/v1/namespaces/shop/events'])
    if (state === 'terminating') return json(response, 403, TERMINATING)
    if (state === 'down') return refuse(response, 500, 'etcdserver: no leader')
    events.push(fieldsOf(JSON.parse(body)))
    return json(response, 201, fieldsOf(JSON.parse(body)))
  })
  const announcer = new Announcer({
    client: server.client,
    instance: 'smi-mesh-0',
    clock: () => now,
    onFailure: error => failures.push(error),
  })
  const pass = (ms: number) => {
    now += ms
  }
  const dispose = async () => {
    await announcer.stop()
    await server[Symbol.asyncDispose]()
  }
  const heard = async (count: number) => {
    const deadline = performance.now() + 5_000
    while (events.length + failures.length < count && performance.now() < deadline) await new Promise(setImmediate)
    return events
  }
  const asked = () => server.asked.length
  /** So many were asked for, and none is under way. */
  const answered = async (count: number) => {
    const deadline = performance.now() + 5_000
    while (asked() < count && performance.now() < deadline) await new Promise(setImmediate)
    await announcer.settled()
  }
  return { announcer, asked, answered, events, failures, pass, heard, [Symbol.asyncDispose]: dispose }
}

test('an event is about the object, in its namespace, and says what condition says', async () => {
  await using here = await scene()
  here.announcer.warn(SPLIT, MISSING)
  const [event] = await here.heard(1)
  const { apiVersion, kind, namespace, name, uid } = SPLIT
  assert.deepEqual(event?.['involvedObject'], { apiVersion, kind, namespace, name, uid })
  assert.deepEqual(
    [event?.['type'], event?.['reason'], event?.['message']],
    ['Warning', MISSING.reason, MISSING.message],
  )
})

test('the same is not said again for ten minutes; something else is, at once', async () => {
  await using here = await scene()
  here.announcer.warn(SPLIT, MISSING)
  here.announcer.warn(SPLIT, MISSING)
  here.announcer.warn(SPLIT, { ...MISSING, reason: 'PortMismatch' })
  assert.equal((await here.heard(2)).length, 2)
  here.pass(600_000)
  here.announcer.warn(SPLIT, MISSING)
  const names = (await here.heard(3)).map(event => fieldsOf(event['metadata'])['name'])
  assert.equal(new Set(names).size, 3)
})

test('an event that cannot be written is a line in the log, no more', async () => {
  await using here = await scene('down')
  here.announcer.warn(SPLIT, MISSING)
  await here.heard(1)
  assert.equal(here.failures.length, 1)
})

test('nobody is told that a namespace on its way out takes no more events', async () => {
  await using here = await scene('terminating')
  here.announcer.warn(SPLIT, MISSING)
  await here.answered(1)
  assert.deepEqual(here.failures, [])
})

test('what was wrong before in the same words is no news', () => {
  const condition = {
    type: 'ResolvedRefs',
    status: 'False',
    ...MISSING,
    observedGeneration: 2,
    lastTransitionTime: '2030-01-01T00:00:00Z',
  } as const
  assert.deepEqual(newlyWrong([condition], new Map()), [MISSING])
  assert.deepEqual(newlyWrong([condition], new Map([['ResolvedRefs', { ...condition, observedGeneration: 1 }]])), [])
  assert.deepEqual(newlyWrong([{ ...condition, status: 'True' }], new Map()), [])
})

test('whoever makes us speak cannot make us flood the cluster with events, nor the log with failures', async () => {
  for (const state of ['up', 'down'] as const) {
    await using here = await scene(state)
    for (let count = 0; count < 100; count++) {
      here.announcer.warn({ ...SPLIT, name: `canary-${count}` }, MISSING)
      await here.answered(Math.min(count + 1, 40))
    }
    assert.equal(here.asked(), 40)
    assert.equal(here.failures.length, state === 'down' ? 1 : 0)
    here.pass(1_000)
    here.announcer.warn(SPLIT, MISSING)
    await here.answered(41)
    assert.equal(here.asked(), 41)
  }
})

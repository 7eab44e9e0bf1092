import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import { proxyRejected } from '../compile/index.ts'
import { type Fields, fieldsOf } from '../facts/read.ts'
import { MeshError } from '../mesh-error.ts'
import { type Refused, SharedRefusals } from './refusals.ts'

const SPLIT = { kind: 'TrafficSplit', namespace: 'shop', name: 'canary' }
const NONE: Refused = new Map()
const REFUSED: Refused = new Map([[refText(SPLIT), [proxyRejected(SPLIT, { message: 'no such cluster' })]]])

/** One ConfigMap as an API server keeps it: who replaces it names the version that is replaced, who applies it may make it. */
function kept() {
  const state: { object: Fields | undefined; version: number; asked: number } = {
    object: undefined,
    version: 0,
    asked: 0,
  }
  const put = (object: Fields) => {
    const metadata = { ...fieldsOf(object['metadata']), resourceVersion: String(++state.version) }
    state.object = { ...object, metadata }
    return state.object
  }
  const client = {
    get: async () => {
      state.asked++
      if (state.object === undefined) throw new MeshError('ApiNotFound', 'None.')
      return state.object
    },
    apply: async (_resource: unknown, object: Fields) => {
      const data = { ...fieldsOf(state.object?.['data']), ...fieldsOf(object['data']) }
      return put({ ...state.object, ...object, data })
    },
    replace: async (_resource: unknown, object: Fields) => {
      if (fieldsOf(object['metadata'])['resourceVersion'] !== String(state.version)) {
        throw new MeshError('ApiConflict', 'Another one.')
      }
      return put(object)
    },
  }
  return { state, client, keys: () => Object.keys(fieldsOf(state.object?.['data'])) }
}

function replica(client: ReturnType<typeof kept>['client'], identity: string, clock: { now: number }) {
  const state = { own: NONE, leads: false, changes: 0, failures: [] as unknown[] }
  const refusals = new SharedRefusals({
    client,
    at: { namespace: 'smi-mesh', name: 'smi-mesh-refusals' },
    identity,
    own: () => state.own,
    leads: () => state.leads,
    onChange: () => state.changes++,
    onFailure: error => state.failures.push(error),
    now: () => clock.now,
    random: () => 0,
    setTimer: () => () => undefined,
  })
  const told = () => [...refusals.others().values()].flatMap(found => found.map(({ message }) => message))
  return { state, refusals, told, turn: () => refusals.turn() }
}

function pair() {
  const map = kept()
  const clock = { now: 0 }
  const [leader, other] = [replica(map.client, 'a', clock), replica(map.client, 'b', clock)]
  leader.state.leads = true
  return { ...map, clock, leader, other }
}

test('who leads learns what proxies of another replica refuse, and that it is over', async () => {
  const { leader, other, keys } = pair()
  other.state.own = REFUSED
  await other.turn()
  await leader.turn()
  assert.deepEqual(
    leader.told(),
    [...REFUSED.values()].flat().map(({ message }) => message),
  )
  assert.equal(leader.state.changes, 1)
  await leader.turn()
  assert.equal(leader.state.changes, 1, 'the same is no news')
  other.state.own = NONE
  await other.turn()
  await leader.turn()
  assert.deepEqual([leader.told(), leader.state.changes, keys()], [[], 2, []])
})

test('where nothing is refused, nothing is written, and only who leads asks', async () => {
  const { leader, other, state } = pair()
  await other.turn()
  assert.equal(state.asked, 0)
  await leader.turn()
  assert.deepEqual([state.asked, state.version], [1, 0])
})

test('what a replica said that has died counts no more after three renewals, and is cleared away', async () => {
  const { leader, other, clock, keys } = pair()
  other.state.own = REFUSED
  await other.turn()
  for (clock.now = 0; clock.now < 100_000; clock.now += 5_000) await leader.turn()
  assert.equal(leader.told().length, 1)
  await leader.turn()
  assert.deepEqual([leader.told(), keys()], [[], []])
})

test('what a replica says that lives goes on to count', async () => {
  const { leader, other, clock } = pair()
  other.state.own = REFUSED
  for (clock.now = 0; clock.now < 600_000; clock.now += 5_000) {
    await other.turn()
    await leader.turn()
  }
  assert.equal(leader.told().length, 1)
})

test('who leads no more has nothing to say of others', async () => {
  const { leader, other } = pair()
  other.state.own = REFUSED
  await other.turn()
  await leader.turn()
  leader.state.leads = false
  await leader.turn()
  assert.deepEqual(leader.told(), [])
})

test('two who write at once do not undo each other', async () => {
  const { leader, other, client, keys } = pair()
  leader.state.own = REFUSED
  other.state.own = REFUSED
  await client.apply(undefined, { metadata: {} })
  await Promise.all([leader.turn(), other.turn()])
  await Promise.all([leader.turn(), other.turn()])
  assert.deepEqual(keys().sort(), ['a', 'b'])
  assert.deepEqual([leader.state.failures, other.state.failures], [[], []], 'and nobody is told of it')
})

test('a ConfigMap that somebody has removed is made again, and two who make it at once do not undo each other', async () => {
  const { leader, other, clock, state, keys } = pair()
  leader.state.own = REFUSED
  other.state.own = REFUSED
  await Promise.all([leader.turn(), other.turn()])
  state.object = undefined
  clock.now = 30_000
  await Promise.all([leader.turn(), other.turn()])
  await Promise.all([leader.turn(), other.turn()])
  assert.deepEqual(keys().sort(), ['a', 'b'])
  assert.deepEqual([leader.state.failures, other.state.failures], [[], []], 'and nobody is told of it')
})

test('whoever makes it after another has, and did not know, keeps what the other has written', async () => {
  const { client, state, keys } = kept()
  const clock = { now: 0 }
  const quick = replica(client, 'a', clock)
  quick.state.own = REFUSED
  const slow = replica(
    {
      ...client,
      get: () => Promise.reject(new MeshError('ApiNotFound', 'None, when this was asked.')),
      apply: async (resource, object) => {
        if (state.object === undefined) await quick.turn()
        return client.apply(resource, object)
      },
    },
    'b',
    clock,
  )
  slow.state.own = REFUSED
  await slow.turn()
  assert.deepEqual(keys().sort(), ['a', 'b'])
})

test('who ends takes along what it has said; who is back forgets what it said before', async () => {
  const { other, keys, client, clock } = pair()
  other.state.own = REFUSED
  await other.turn()
  assert.deepEqual(keys(), ['b'])
  const again = replica(client, 'b', clock)
  again.state.leads = true
  await again.turn()
  assert.deepEqual(keys(), [])
  await other.turn()
  clock.now = 30_000
  await other.turn()
  await other.refusals.stop()
  assert.deepEqual(keys(), [])
})

test('who cannot take it along ends all the same, and says so', async () => {
  const { other, client } = pair()
  other.state.own = REFUSED
  await other.turn()
  client.get = async () => {
    throw new MeshError('ApiUnreachable', 'Nobody there.')
  }
  await other.refusals.stop()
  assert.equal(other.state.failures.length, 1)
})

test('what somebody else wrote there is no refusal and does no harm', async () => {
  const { leader, client } = pair()
  const data = { x: 'no JSON', y: '{"refused":[{"name":7},null,{"kind":"A"}]}', z: '[]' }
  await client.apply(undefined, { metadata: {}, data })
  await leader.turn()
  assert.deepEqual([leader.told(), leader.state.failures], [[], []])
})

test('a failure is told once, and tried again ever more slowly', async () => {
  const { leader, client } = pair()
  client.get = async () => {
    throw new MeshError('ApiForbidden', 'No.')
  }
  const waits = [await leader.turn(), await leader.turn(), await leader.turn()]
  assert.deepEqual([waits, leader.state.failures.length], [[2_500, 5_000, 10_000], 1])
})

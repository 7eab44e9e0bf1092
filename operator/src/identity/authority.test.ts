import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MeshError, meshError } from '../mesh-error.ts'
import { Authority } from './authority.ts'
import { FakeClock } from './testdata/fake-clock.ts'
import { MemoryAuthorityStore } from './testdata/memory-store.ts'
import { DAY, HOUR, identityOf, TRUST_DOMAIN } from './testdata/rig.ts'

const WEB = identityOf('web')

function open(store: MemoryAuthorityStore, clock: FakeClock, leads: () => boolean): Promise<Authority> {
  return Authority.open({ trustDomain: TRUST_DOMAIN, store, now: clock.now, leafMs: HOUR, rootMs: 365 * DAY, leads })
}

/** Two replicas over one state; the first leads until told otherwise. */
async function replicas() {
  const store = new MemoryAuthorityStore()
  const clock = new FakeClock()
  const leader = { is: 'a' }
  const a = await open(store, clock, () => leader.is === 'a')
  const b = await open(store, clock, () => leader.is === 'b')
  return { store, clock, leader, a, b }
}

test('replicas that start together sign with one root', async () => {
  const { a, b } = await replicas()
  assert.deepEqual(a.bundle(), b.bundle())
  assert.equal(a.issue(WEB).root, b.issue(WEB).root)
})

test('a replica that does not lead takes up a rotation step by step, and writes nothing', async () => {
  const { store, clock, a, b } = await replicas()
  await a.rotate()
  const { writes } = store
  assert.equal(await b.advance(true), true)
  assert.deepEqual(b.bundle(), a.bundle())
  assert.equal(b.bundle().roots.length, 2)
  clock.step(2 * HOUR)
  await b.advance(true)
  assert.equal(store.writes, writes, 'the time had come, but it is for the leader to act')
  await a.advance(true)
  await b.advance(true)
  assert.equal(b.issue(WEB).root, a.issue(WEB).root)
  assert.deepEqual(b.roots(), a.roots())
})

test('whoever takes over goes on from what was written', async () => {
  const { clock, leader, a, b } = await replicas()
  await a.rotate()
  leader.is = 'b'
  clock.step(2 * HOUR)
  const failed = await b.advance(true).catch((error: unknown) => error)
  assert.equal(meshError(failed, 'StateConflict')?.code, 'StateConflict', 'it did not know of the rotation yet')
  await b.advance(true)
  await a.advance(true)
  assert.deepEqual(a.roots(), b.roots())
  assert.equal(b.roots().filter(({ role }) => role === 'signing').length, 1)
  assert.notEqual(b.issue(WEB).root, b.roots().find(({ role }) => role === 'retiring')?.id)
})

test('state that vanished is reported, never made anew, and signing goes on from memory', async () => {
  const { store, a, b } = await replicas()
  const before = b.bundle()
  store.state = undefined
  await assert.rejects(
    b.advance(true),
    (error: unknown) => error instanceof MeshError && error.code === 'StateUnavailable',
  )
  await assert.rejects(a.rotate(), MeshError)
  assert.equal(store.state, undefined)
  assert.deepEqual(b.bundle(), before)
  assert.ok(b.issue(WEB))
})

test('state of another trust domain is not taken up', async () => {
  const { store, b } = await replicas()
  const before = b.bundle()
  assert.ok(store.state)
  store.state = { ...store.state, trustDomain: 'other.test', revision: 9 }
  await assert.rejects(b.advance(true), (error: unknown) => meshError(error, 'StateForeign') !== undefined)
  assert.deepEqual(b.bundle(), before)
})

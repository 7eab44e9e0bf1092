import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expiries } from './expiry.ts'
import { FakeClock } from './testdata/fake-clock.ts'
import { MemoryAuthorityStore } from './testdata/memory-store.ts'
import { DAY, HOUR, identityOf, MINUTE, type Rig, rig } from './testdata/rig.ts'

const WEB = identityOf('web')
const CONTROL_PLANE = identityOf('control-plane', 'smi-mesh')

function asked({ authority, issuer, clock }: Rig) {
  const { skewMs } = authority.lifetimes
  const told = {
    roots: authority.roots(),
    leaves: issuer.held(),
    controlPlane: CONTROL_PLANE,
    skewMs,
    now: clock.now(),
  }
  return expiries(told)
}

function states(mesh: Rig): readonly string[] {
  return asked(mesh).map(({ kind, role, state }) => `${role ?? kind} ${state}`)
}

test('every root, the control plane and every identity in use are told with their end, and no key', async t => {
  const mesh = await rig()
  t.after(() => mesh.issuer.stop())
  mesh.issuer.ensure(WEB)
  mesh.issuer.follow(CONTROL_PLANE, () => {})
  mesh.issuer.ensure(identityOf('gone'))
  mesh.issuer.release(identityOf('gone'))
  const told = asked(mesh)
  assert.deepEqual(
    told.map(({ kind, name }) => `${kind} ${name}`),
    [`root ${mesh.authority.roots()[0]?.id}`, `control plane ${CONTROL_PLANE}`, `workload ${WEB}`],
  )
  const end = new Date(mesh.clock.now() + HOUR).toISOString()
  assert.deepEqual(told.at(-1), {
    kind: 'workload',
    name: WEB,
    issued: new Date(mesh.clock.now()).toISOString(),
    expires: end,
    state: 'valid',
  })
  assert.doesNotMatch(JSON.stringify(told), /-----BEGIN|privateKey/)
})

// The longest wait for a renewal, of a certificate whose first moment is dated back for longer than it lives.
test('what is renewed in time is never overdue, however short its life', async t => {
  const mesh = await rig({ leafMs: MINUTE, rootMs: 20 * MINUTE, random: () => 0.999 })
  t.after(() => mesh.issuer.stop())
  mesh.issuer.ensure(WEB)
  const seen = new Set<string>()
  for (let look = 0; look < 180; look++) {
    await mesh.clock.run(5_000)
    for (const state of states(mesh)) seen.add(state)
  }
  assert.deepEqual([...seen].sort(), [
    'next valid',
    'retiring retiring',
    'signing renewing',
    'signing valid',
    'workload valid',
  ])
})

test('a certificate that nothing renews is overdue at a third of its life, then expired', async () => {
  const mesh = await rig()
  mesh.issuer.ensure(WEB)
  await mesh.issuer.stop()
  mesh.clock.step(39 * MINUTE)
  assert.deepEqual(states(mesh), ['signing valid', 'workload valid'])
  mesh.clock.step(2 * MINUTE)
  assert.deepEqual(states(mesh), ['signing valid', 'workload overdue'])
  mesh.clock.step(HOUR)
  assert.deepEqual(states(mesh), ['signing valid', 'workload expired'])
})

test('a root that should have been followed and is not is overdue', async () => {
  const mesh = await rig()
  await mesh.issuer.stop()
  mesh.clock.step(250 * DAY)
  assert.deepEqual(states(mesh), ['signing overdue'])
  await mesh.authority.advance(true)
  assert.deepEqual(states(mesh), ['signing renewing', 'next valid'])
})

test('an identity that could not be given a certificate is missing one', async t => {
  const clock = new FakeClock()
  const authorityStore = new MemoryAuthorityStore()
  const mesh = await rig({ clock, authorityStore })
  t.after(() => mesh.issuer.stop())
  clock.step(400 * DAY) // nobody has looked at the root since
  mesh.issuer.ensure(WEB)
  assert.deepEqual(asked(mesh).at(-1), { kind: 'workload', name: WEB, state: 'missing' })
})

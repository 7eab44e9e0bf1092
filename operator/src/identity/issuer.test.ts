import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { type IdentityCertificate, spiffeId, type TrustBundle } from '@smi-mesh/dataplane/mesh'
import { meshError } from '../mesh-error.ts'
import { FakeClock } from './testdata/fake-clock.ts'
import { MemoryAuthorityStore, MemoryLeafStore } from './testdata/memory-store.ts'
import { DAY, HOUR, identityOf, MINUTE, type Rig, rig } from './testdata/rig.ts'

const WEB = identityOf('web')
const DB = identityOf('db')

function verifies(certificate: IdentityCertificate, bundle: TrustBundle | undefined, now: number): boolean {
  const leaf = new X509Certificate(certificate.chain)
  return (
    (bundle?.roots ?? []).some(root => leaf.verify(new X509Certificate(root).publicKey)) &&
    certificate.notBefore <= now &&
    now < certificate.notAfter
  )
}

function holds({ certificates, bundle, clock }: Rig): void {
  for (const certificate of certificates.values()) {
    assert.ok(verifies(certificate, bundle.get('bundle'), clock.now()), `${certificate.identity} at ${clock.now()}`)
  }
}

function counted({ events }: Rig, kind: string): number {
  return events.filter(event => event.kind === kind).length
}

test('an identity has its certificate as soon as somebody needs it, and one only', async () => {
  const mesh = await rig()
  assert.equal(mesh.certificates.size, 0)
  const issued = mesh.issuer.ensure(WEB)
  assert.equal(mesh.certificates.get(WEB), issued)
  assert.equal(issued?.notAfter, mesh.clock.now() + HOUR)
  assert.equal(mesh.issuer.ensure(WEB), issued)
  holds(mesh)
  await mesh.issuer.stop()
})

test('the bundle is published before any certificate', async () => {
  const mesh = await rig()
  mesh.issuer.ensure(WEB)
  assert.deepEqual(
    mesh.written.map(value => 'roots' in value),
    [true, false],
  )
  await mesh.issuer.stop()
})

test('a certificate is renewed after half of its life and not before', async () => {
  const mesh = await rig()
  const first = mesh.issuer.ensure(WEB)
  await mesh.clock.run(30 * MINUTE - 1)
  assert.equal(mesh.certificates.get(WEB), first)
  await mesh.clock.run(2)
  assert.notEqual(mesh.certificates.get(WEB), first)
  await mesh.issuer.stop()
})

test('renewals of certificates issued together are spread over a tenth of their life', async () => {
  let draw = 0
  const mesh = await rig({ random: () => (draw++ % 10) / 10 })
  for (let i = 0; i < 20; i++) mesh.issuer.ensure(identityOf(`web-${i}`))
  await mesh.clock.run(30 * MINUTE + 1)
  const early = counted(mesh, 'issued') - 20
  assert.ok(early < 10, `${early} of 20 at once`)
  await mesh.clock.run(6 * MINUTE)
  assert.equal(counted(mesh, 'issued'), 40)
  await mesh.issuer.stop()
})

test('with certificates of one minute a day passes without one that is not valid', async () => {
  const mesh = await rig({ leafMs: MINUTE, random: Math.random })
  mesh.issuer.ensure(WEB)
  for (let passed = 0; passed < DAY; passed += 10 * MINUTE) {
    await mesh.clock.run(10 * MINUTE)
    holds(mesh)
  }
  const issued = counted(mesh, 'issued')
  assert.ok(issued > 2_500 && issued < 3_000, `${issued} certificates`)
  await mesh.issuer.stop()
})

test('in five years roots change by themselves and every certificate can be verified all the while', async () => {
  const mesh = await rig({ leafMs: 7 * DAY, watchdogMs: 6 * HOUR })
  mesh.issuer.ensure(WEB)
  mesh.issuer.ensure(DB)
  for (let passed = 0; passed < 5 * 365; passed += 5) {
    await mesh.clock.run(5 * DAY)
    holds(mesh)
  }
  const signing = new Set(mesh.authority.roots().map(({ id }) => id))
  const seen = mesh.events.flatMap(event => (event.kind === 'rootsChanged' ? event.roots.map(({ id }) => id) : []))
  assert.ok(new Set(seen).size >= 9, `${new Set(seen).size} roots`)
  assert.ok(signing.size <= 2)
  await mesh.issuer.stop()
})

test('a machine that slept issues what expired meanwhile within seconds of waking', async () => {
  const mesh = await rig()
  mesh.issuer.ensure(WEB)
  mesh.clock.step(3 * DAY)
  await mesh.clock.run(5_001)
  holds(mesh)
  await mesh.issuer.stop()
})

test('a clock set forwards, then back, leaves only certificates that are valid by the clock as it is', async () => {
  const mesh = await rig()
  mesh.issuer.ensure(WEB)
  mesh.clock.step(40 * DAY)
  await mesh.clock.run(5_001)
  holds(mesh)
  mesh.clock.step(-40 * DAY)
  await mesh.clock.run(5_001)
  holds(mesh)
  assert.equal(counted(mesh, 'clockStepped'), 1)
  await mesh.issuer.stop()
})

test('a clock set back by years, and forwards by more than a root lives, is survived', async () => {
  const mesh = await rig()
  mesh.issuer.ensure(WEB)
  for (const step of [-3 * 365 * DAY, 10 * 365 * DAY, -20 * 365 * DAY]) {
    mesh.clock.step(step)
    await mesh.clock.run(10_001)
    holds(mesh)
  }
  await mesh.issuer.stop()
})

test('no timer is ever set for longer than the watchdog', async () => {
  const clock = new FakeClock()
  const waits: number[] = []
  const setTimer = clock.setTimer
  Object.assign(clock, {
    setTimer: (callback: () => void, ms: number) => {
      waits.push(ms)
      return setTimer(callback, ms)
    },
  })
  const mesh = await rig({ clock, leafMs: 36 * DAY })
  mesh.issuer.ensure(WEB)
  await clock.run(MINUTE)
  assert.ok(waits.length > 10 && Math.max(...waits) <= 5_000)
  await mesh.issuer.stop()
})

test('a certificate never outlives its root, nor what is written down', async () => {
  const mesh = await rig({ leafMs: 30 * DAY, rootMs: 300 * DAY, bundleHeld: () => false, watchdogMs: HOUR })
  mesh.issuer.ensure(WEB)
  for (let day = 0; day < 700; day += 5) {
    await mesh.clock.run(5 * DAY)
    const roots = new Map((mesh.bundle.get('bundle')?.roots ?? []).map(pem => [pem, new X509Certificate(pem)]))
    for (const { chain, notAfter } of mesh.certificates.values()) {
      const signer = [...roots.values()].find(root => new X509Certificate(chain).verify(root.publicKey))
      assert.ok(signer !== undefined && notAfter <= signer.validToDate.getTime())
    }
  }
  await mesh.issuer.stop()
})

test('a new root is in the bundle long before it signs', async () => {
  const mesh = await rig()
  mesh.issuer.ensure(WEB)
  const before = mesh.bundle.get('bundle')
  assert.equal(await mesh.authority.rotate(), 'begun')
  assert.equal(await mesh.authority.rotate(), 'underway')
  const during = mesh.bundle.get('bundle')
  assert.equal(during?.roots.length, 2)
  await mesh.clock.run(HOUR)
  assert.ok(verifies(mesh.certificates.get(WEB) ?? assert.fail(), before, mesh.clock.now()), 'still the old root')
  await mesh.clock.run(HOUR)
  const renewed = mesh.certificates.get(WEB) ?? assert.fail()
  assert.ok(verifies(renewed, during, mesh.clock.now()) && !verifies(renewed, before, mesh.clock.now()))
  await mesh.clock.run(2 * HOUR)
  assert.equal(mesh.bundle.get('bundle')?.roots.length, 1)
  holds(mesh)
  await mesh.issuer.stop()
})

test('a control plane that was killed tells nobody anything new', async () => {
  const clock = new FakeClock()
  const authorityStore = new MemoryAuthorityStore()
  const leafStore = new MemoryLeafStore()
  const before = await rig({ clock, authorityStore, leafStore, random: () => 0.7 })
  before.issuer.ensure(WEB)
  await clock.run(29 * MINUTE)
  const after = await rig({ clock, authorityStore, leafStore, random: () => 0.1 })
  after.issuer.ensure(WEB)
  assert.deepEqual(after.bundle.get('bundle'), before.bundle.get('bundle'))
  assert.equal(after.certificates.get(WEB), before.certificates.get(WEB))
  assert.equal(counted(after, 'issued'), 0)
  await before.issuer.stop()
  await clock.run(6 * MINUTE)
  assert.equal(counted(after, 'issued'), 1, 'it is renewed when it was to be')
  await after.issuer.stop()
})

test('what was kept and proves nothing any more is not used', async () => {
  const clock = new FakeClock()
  const leafStore = new MemoryLeafStore()
  const first = await rig({ clock, leafStore })
  first.issuer.ensure(WEB)
  await first.issuer.stop()
  const foreign = await rig({ clock, leafStore }) // another authority: another root
  assert.equal(counted(foreign, 'leafDiscarded'), 1)
  assert.equal(leafStore.leaves.size, 0)
  foreign.issuer.ensure(WEB)
  holds(foreign)
  await foreign.issuer.stop()
})

test('an identity that proxies no longer have is not renewed, and is the same again if they come back in time', async () => {
  const leafStore = new MemoryLeafStore()
  const mesh = await rig({ leafStore })
  const first = mesh.issuer.ensure(WEB)
  mesh.issuer.release(WEB)
  assert.equal(mesh.certificates.size, 0)
  assert.equal(mesh.issuer.ensure(WEB), first)
  mesh.issuer.release(WEB)
  await mesh.clock.run(HOUR)
  assert.equal(counted(mesh, 'issued'), 1)
  assert.equal(leafStore.leaves.size, 0)
  assert.deepEqual([...mesh.issuer.certificates()], [])
  await mesh.issuer.stop()
})

test('a listener is given every certificate of its identity, and proxies are not told of it', async () => {
  const mesh = await rig()
  const seen: IdentityCertificate[] = []
  const end = mesh.issuer.follow(WEB, certificate => seen.push(certificate))
  await mesh.clock.run(31 * MINUTE)
  assert.equal(seen.length, 2)
  assert.equal(mesh.certificates.size, 0)
  end()
  await mesh.clock.run(DAY)
  assert.equal(seen.length, 2)
  await mesh.issuer.stop()
})

test('while state cannot be written certificates get shorter and then stop; afterwards all is well', async () => {
  const authorityStore = new MemoryAuthorityStore()
  const mesh = await rig({ authorityStore })
  mesh.issuer.ensure(WEB)
  authorityStore.broken = 'before'
  await mesh.clock.run(70 * MINUTE)
  const last = mesh.certificates.get(WEB)
  assert.ok(last !== undefined && last.notAfter <= (authorityStore.state?.roots[0]?.root.notAfter ?? 0))
  await mesh.clock.run(10 * MINUTE)
  assert.ok(counted(mesh, 'issueFailed') > 3)
  const failures = mesh.events.flatMap(event => (event.kind === 'issueFailed' ? [event] : []))
  assert.deepEqual(
    failures.map(({ first }) => first),
    failures.map((_, i) => i === 0),
    'one of a row is the first',
  )
  assert.ok(failures.every(({ error }) => meshError(error, 'SigningPaused') !== undefined))
  assert.equal(mesh.issuer.failing(), 1)
  authorityStore.broken = 'no'
  await mesh.clock.run(MINUTE + 5_000)
  holds(mesh)
  assert.equal(mesh.issuer.failing(), 0)
  assert.equal(counted(mesh, 'issueRecovered'), 1)
  assert.equal(counted(mesh, 'storeRecovered'), 1)
  await mesh.issuer.stop()
})

test('a certificate that could not be kept serves all the same', async () => {
  const leafStore = new MemoryLeafStore()
  const mesh = await rig({ leafStore })
  leafStore.broken = true
  mesh.issuer.ensure(WEB)
  mesh.issuer.ensure(DB)
  holds(mesh)
  assert.equal(mesh.certificates.size, 2)
  const failed = mesh.events.flatMap(event => (event.kind === 'storeFailed' ? [event.first] : []))
  assert.deepEqual(failed, [true, false])
  await mesh.issuer.stop()
})

test('an identity of another trust domain gets no certificate', async () => {
  const mesh = await rig()
  const foreign = spiffeId('other.test', { namespace: 'shop', serviceAccount: 'web' })
  assert.throws(
    () => mesh.authority.issue(foreign),
    error => meshError(error, 'IdentityForeign') !== undefined,
  )
  await mesh.issuer.stop()
})

test('a look at the clock costs what is due, not what there is', async () => {
  const mesh = await rig()
  let asked = 0
  const issue = mesh.authority.issue.bind(mesh.authority)
  mesh.authority.issue = identity => {
    asked++
    return issue(identity)
  }
  for (let i = 0; i < 300; i++) mesh.issuer.ensure(identityOf(`web-${i}`))
  assert.equal(asked, 300)
  await mesh.clock.run(29 * MINUTE)
  assert.equal(asked, 300)
  await mesh.clock.run(2 * MINUTE)
  assert.equal(asked, 600)
  await mesh.issuer.stop()
})

test('an issuer that was stopped leaves no timer behind', async () => {
  const mesh = await rig()
  mesh.issuer.ensure(WEB)
  await mesh.clock.run(MINUTE)
  await mesh.issuer.stop()
  assert.equal(mesh.clock.timers, 0)
  await mesh.clock.run(DAY)
  assert.equal(counted(mesh, 'issued'), 1)
})

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { IdentityCertificate } from '@smi-mesh/dataplane/mesh'
import { type MeshErrorCode, meshError } from '../mesh-error.ts'
import { Authority } from './authority.ts'
import { signedBy } from './certificate.ts'
import { fileStores } from './file-store.ts'
import type { FileOperations } from './private-files.ts'
import { dyingFiles } from './testdata/dying-files.ts'
import { FakeClock } from './testdata/fake-clock.ts'
import { HOUR, identityOf, rig, TRUST_DOMAIN } from './testdata/rig.ts'

const WEB = identityOf('web')

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'smi-mesh-'))
  t.after(() => rmSync(path, { recursive: true }))
  return join(path, 'state')
}

async function open(path: string, trustDomain = TRUST_DOMAIN): Promise<Authority> {
  return Authority.open({
    trustDomain,
    store: fileStores(path).authority,
    now: () => Date.UTC(2030, 0, 1),
    leafMs: HOUR,
  })
}

function failsWith(code: MeshErrorCode, text: RegExp = /./) {
  return (error: unknown) => {
    assert.equal(meshError(error)?.code, code)
    assert.match(meshError(error)?.message ?? '', text)
    return true
  }
}

async function fileRig(path: string, clock: FakeClock, operations?: FileOperations) {
  const stores = fileStores(path, operations)
  return rig({ clock, authorityStore: stores.authority, leafStore: stores.leaves })
}

test('an authority that is opened again is the same authority', async t => {
  const path = folder(t)
  const first = await open(path)
  assert.deepEqual((await open(path)).bundle(), first.bundle())
  await first.rotate()
  const again = await open(path)
  assert.deepEqual(again.roots(), first.roots())
  assert.equal(await again.rotate(), 'underway')
})

test('nobody else can read what is kept', async t => {
  const path = folder(t)
  const mesh = await fileRig(path, new FakeClock())
  mesh.issuer.ensure(WEB)
  await mesh.issuer.stop()
  const modeOf = (name: string) => statSync(join(path, name)).mode & 0o777
  assert.equal(modeOf('.'), 0o700)
  assert.equal(modeOf('leaves'), 0o700)
  assert.equal(modeOf('authority.json'), 0o600)
  const [leaf] = readdirSync(join(path, 'leaves'))
  assert.equal(modeOf(`leaves/${leaf}`), 0o600)
})

test('state that others may read is refused, with the command that helps', async t => {
  const path = folder(t)
  await open(path)
  chmodSync(join(path, 'authority.json'), 0o640)
  await assert.rejects(open(path), failsWith('StateExposed', /chmod 600/))
  chmodSync(join(path, 'authority.json'), 0o600)
  chmodSync(path, 0o755)
  await assert.rejects(open(path), failsWith('StateExposed', /chmod 700/))
})

test('damaged state is an error and never a new root', async t => {
  const path = folder(t)
  const before = await open(path)
  const file = join(path, 'authority.json')
  const good = readFileSync(file, 'utf8')
  const damaged = [
    '',
    '{}',
    'null',
    good.slice(0, good.length / 2),
    good.slice(0, -3),
    good.replace('"signing"', '"king"'),
    good.replace('"format": 1', '"format": 2'),
    good.replace(/"signedUntil": \d+/, '"signedUntil": null'),
    good.replace(/MII[^"]{40}/, 'AAAA'),
    good.replace('BEGIN PRIVATE KEY', 'BEGIN PUBLIC KEY'),
  ]
  for (const text of damaged) {
    assert.notEqual(text, good)
    writeFileSync(file, text)
    await assert.rejects(open(path), failsWith('StateDamaged', /Restore it from a backup/))
    assert.equal(readFileSync(file, 'utf8'), text)
  }
  writeFileSync(file, good)
  assert.deepEqual((await open(path)).bundle(), before.bundle())
})

test('an error about damaged state quotes nothing of it', async t => {
  const path = folder(t)
  await open(path)
  const file = join(path, 'authority.json')
  const good = readFileSync(file, 'utf8')
  writeFileSync(file, good.replace(/("privateKey": "[^"]{60})/, '$1"'))
  await assert.rejects(open(path), error => {
    const secret = /"privateKey": "-----BEGIN PRIVATE KEY-----\\n([^"]{20})/.exec(good)?.[1] ?? assert.fail()
    assert.ok(!`${meshError(error)?.message} ${JSON.stringify(error)} ${String(error)}`.includes(secret))
    return true
  })
})

test('an authority that vanished while its certificates are still there is not made anew', async t => {
  const path = folder(t)
  const mesh = await fileRig(path, new FakeClock())
  mesh.issuer.ensure(WEB)
  await mesh.issuer.stop()
  unlinkSync(join(path, 'authority.json'))
  await assert.rejects(open(path), failsWith('StateDamaged', /is missing/))
})

test('state of another trust domain is refused', async t => {
  const path = folder(t)
  await open(path)
  await assert.rejects(open(path, 'other.test'), failsWith('StateForeign', /mesh\.test/))
})

test('of two control planes that start in one directory, both have the same root', async t => {
  const path = folder(t)
  const [a, b] = await Promise.all([open(path), open(path)])
  assert.deepEqual(a.bundle(), b.bundle())
})

test('a control plane that was overtaken writes nothing', async t => {
  const path = folder(t)
  const slow = await open(path)
  const fast = await open(path)
  await fast.rotate()
  await assert.rejects(slow.rotate(), failsWith('StateConflict', /Give each its own/))
  assert.deepEqual((await open(path)).roots(), fast.roots())
})

test('a damaged leaf is reported, cleared away and issued anew', async t => {
  const path = folder(t)
  const clock = new FakeClock()
  const before = await fileRig(path, clock)
  before.issuer.ensure(WEB)
  await before.issuer.stop()
  const [name = ''] = readdirSync(join(path, 'leaves'))
  writeFileSync(join(path, 'leaves', name), '{"half":')
  const after = await fileRig(path, clock)
  assert.deepEqual(
    after.events.flatMap(event => (event.kind === 'leafDiscarded' ? [event.reason] : [])),
    ['it is not JSON, or only a part of it'],
  )
  assert.ok(after.issuer.ensure(WEB))
  await after.issuer.stop()
})

test('secrets are the same, byte by byte, after a kill', async t => {
  const path = folder(t)
  const clock = new FakeClock()
  const before = await fileRig(path, clock)
  before.issuer.ensure(WEB)
  await clock.run(0.49 * HOUR) // never stopped: the process is gone
  const after = await fileRig(path, clock)
  after.issuer.ensure(WEB)
  const told = (certificate: IdentityCertificate | undefined) => [certificate?.chain, certificate?.privateKey.reveal()]
  assert.deepEqual(told(after.certificates.get(WEB)), told(before.certificates.get(WEB)))
  assert.deepEqual(after.bundle.get('bundle'), before.bundle.get('bundle'))
  await Promise.all([before.issuer.stop(), after.issuer.stop()])
})

/** A short life that writes everything there is to write. Returns what proxies were told. */
async function live(path: string, clock: FakeClock, operations: FileOperations): Promise<IdentityCertificate[]> {
  const mesh = await fileRig(path, clock, operations)
  mesh.issuer.ensure(WEB)
  await mesh.authority.rotate().catch(() => undefined)
  mesh.issuer.ensure(identityOf('db'))
  await mesh.issuer.stop()
  return [...mesh.certificates.values()]
}

test('killed at any write, a control plane comes back with a root that proxies know', async t => {
  const whole = dyingFiles(Number.POSITIVE_INFINITY)
  await live(folder(t), new FakeClock(), whole.operations)
  assert.ok(whole.calls() >= 15, `${whole.calls()} calls`)
  let told = 0
  for (let killedAt = 0; killedAt < whole.calls(); killedAt++) {
    const path = folder(t)
    const clock = new FakeClock()
    const certificates = await live(path, clock, dyingFiles(killedAt).operations).catch(() => [])
    const mesh = await fileRig(path, clock)
    const roots = mesh.bundle.get('bundle')?.roots ?? []
    for (const certificate of certificates) {
      told++
      assert.ok(
        roots.some(root => signedBy(certificate, root)),
        `killed at ${killedAt}`,
      )
    }
    assert.ok(mesh.issuer.ensure(WEB), `killed at ${killedAt}`)
    const left = readdirSync(path, { recursive: true }).map(String)
    assert.deepEqual(
      left.filter(name => name.endsWith('.tmp')),
      [],
      `killed at ${killedAt}`,
    )
    await mesh.issuer.stop()
  }
  assert.ok(told > 10)
})

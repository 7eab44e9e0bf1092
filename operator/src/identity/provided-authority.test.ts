import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { meshError } from '../mesh-error.ts'
import type { IdentityEvent } from './event.ts'
import { Issuer } from './issuer.ts'
import { ProvidedAuthority } from './provided-authority.ts'
import { FakeClock } from './testdata/fake-clock.ts'
import { DAY, HOUR, identityOf, MINUTE, TRUST_DOMAIN } from './testdata/rig.ts'

const WEB = identityOf('web')
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
const P384 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384']
const P521 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-521']
const RSA = ['-newkey', 'rsa:2048']
const CA = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
const PRESENT = Date.now()

let made = ''

/** An authority of openssl's making: `<name>.crt`, `<name>.key`. Signs itself unless another is to sign it. */
function openssl(name: string, key: readonly string[], days: number, signer?: string, extensions = CA): void {
  const by = signer === undefined ? [] : ['-CA', `${signer}.crt`, '-CAkey', `${signer}.key`]
  const file = ['-keyout', `${name}.key`, '-out', `${name}.crt`, '-days', `${days}`, '-subj', `/CN=${name}`]
  execFileSync('openssl', ['req', '-x509', '-nodes', ...key, ...file, ...by, ...extensions], {
    cwd: made,
    stdio: 'pipe',
  })
}

function pem(...names: readonly string[]): string {
  return names.map(name => readFileSync(join(made, name), 'utf8')).join('')
}

before(() => {
  made = mkdtempSync(join(tmpdir(), 'smi-authority-'))
  openssl('root', RSA, 30)
  openssl('other', EC, 90)
  openssl('middle', EC, 20, 'root')
  openssl('issuer', EC, 25, 'middle')
  openssl('renewed', P384, 25, 'root')
  openssl('strange', P521, 30)
  openssl('rsa', RSA, 20, 'root')
  openssl('leaf', EC, 10, 'root', ['-addext', 'basicConstraints=critical,CA:FALSE'])
})
after(() => rmSync(made, { recursive: true }))

type Files = Readonly<Record<'tls.crt' | 'tls.key' | 'ca.crt', string>>

const filesOf = (signer: string, roots: readonly string[], above: readonly string[] = []): Files => ({
  'tls.crt': pem(`${signer}.crt`, ...above.map(name => `${name}.crt`)),
  'tls.key': pem(`${signer}.key`),
  'ca.crt': pem(...roots.map(name => `${name}.crt`)),
})

/** A folder as the kubelet mounts a Secret: the files are links into `..data`, which is a link that is turned. */
class Mounted {
  readonly path: string
  #generation = 0

  constructor(t: TestContext, files: Partial<Files>) {
    this.path = mkdtempSync(join(tmpdir(), 'smi-mounted-'))
    t.after(() => rmSync(this.path, { recursive: true }))
    this.swap(files)
    for (const name of ['tls.crt', 'tls.key', 'ca.crt']) symlinkSync(`..data/${name}`, join(this.path, name))
  }

  swap(files: Partial<Files>): void {
    const generation = `..generation-${++this.#generation}`
    mkdirSync(join(this.path, generation))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.path, generation, name), text)
    symlinkSync(generation, join(this.path, '..data_tmp'))
    renameSync(join(this.path, '..data_tmp'), join(this.path, '..data'))
  }
}

function opened(folder: string, clock = new FakeClock(PRESENT + MINUTE), leafMs = HOUR): ProvidedAuthority {
  return new ProvidedAuthority({ trustDomain: TRUST_DOMAIN, folder, now: clock.now, leafMs })
}

/** Whether openssl believes it: a second opinion on the chain, with the roots of the bundle alone. */
function believed(authority: ProvidedAuthority, chain: string): string {
  const folder = mkdtempSync(join(made, 'verify-'))
  writeFileSync(join(folder, 'roots.pem'), authority.bundle().roots.join(''))
  writeFileSync(join(folder, 'chain.pem'), chain)
  const words = ['verify', '-x509_strict', '-CAfile', 'roots.pem', '-untrusted', 'chain.pem', 'chain.pem']
  return execFileSync('openssl', words, { cwd: folder, encoding: 'utf8' }).trim()
}

const certificatesIn = (chain: string) =>
  (chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? []).map(
    one => new X509Certificate(one),
  )

describe('what an authority of others signs', () => {
  for (const [what, files, presented] of [
    ['a root', () => filesOf('other', ['other']), ['']],
    ['an authority below a root of RSA', () => filesOf('renewed', ['root']), ['', 'CN=renewed']],
    ['two authorities below it', () => filesOf('issuer', ['root'], ['middle']), ['', 'CN=issuer', 'CN=middle']],
    [
      'one with its root in the chain',
      () => filesOf('issuer', ['other', 'root'], ['middle', 'root']),
      ['', 'CN=issuer', 'CN=middle'],
    ],
  ] as const) {
    test(`${what}: is believed by the roots it provides, and presents what stands between`, t => {
      const authority = opened(new Mounted(t, files()).path)
      const { certificate } = authority.issue(WEB)
      assert.equal(believed(authority, certificate.chain), 'chain.pem: OK')
      const [leaf, ...others] = certificatesIn(certificate.chain)
      assert.equal(leaf?.subjectAltName, `URI:${WEB}`)
      assert.deepEqual(
        others.map(({ subject }) => subject),
        presented.slice(1),
      )
    })
  }

  test('never lives longer than anything it leads up to', t => {
    const clock = new FakeClock(PRESENT + MINUTE)
    const authority = opened(new Mounted(t, filesOf('issuer', ['root'], ['middle'])).path, clock, 30 * DAY)
    const { certificate } = authority.issue(WEB)
    assert.equal(certificate.notAfter, new X509Certificate(pem('middle.crt')).validToDate.getTime())
    clock.step(21 * DAY)
    assert.throws(
      () => authority.issue(WEB),
      error => meshError(error, 'RootUnusable') !== undefined,
    )
  })
})

describe('an authority that will not do is refused, with what is wrong', () => {
  const strange: readonly (readonly [string, () => Partial<Files>, RegExp])[] = [
    [
      'a key of another certificate',
      () => ({ ...filesOf('issuer', ['root'], ['middle']), 'tls.key': pem('other.key') }),
      /tls\.key is not the key of tls\.crt/,
    ],
    [
      'a key of RSA',
      () => filesOf('rsa', ['root']),
      /tls\.key is of the kind rsa; an authority of the mesh signs with EC P-256 or P-384/,
    ],
    ['a key on another curve', () => filesOf('strange', ['strange']), /tls\.key is of the kind ec secp521r1;/],
    ['no authority', () => filesOf('leaf', ['root']), /tls\.crt is not the certificate of an authority/],
    ['a foreign root', () => filesOf('renewed', ['other']), /ca\.crt does not hold the self-signed root/],
    ['a gap in the chain', () => filesOf('issuer', ['root']), /ca\.crt does not hold the self-signed root/],
    [
      'half a certificate',
      () => ({ ...filesOf('other', ['other']), 'tls.crt': pem('other.crt').slice(0, 300) }),
      /tls\.crt holds no certificate/,
    ],
    [
      'half a key',
      () => ({ ...filesOf('other', ['other']), 'tls.key': pem('other.key').slice(0, 90) }),
      /tls\.key cannot be read/,
    ],
    [
      'no roots',
      () => ({ 'tls.crt': pem('other.crt'), 'tls.key': pem('other.key') }),
      /ENOENT.*must hold tls\.crt, tls\.key and ca\.crt/,
    ],
  ]
  for (const [what, files, reason] of strange) {
    test(what, t => {
      const { path } = new Mounted(t, files())
      assert.throws(
        () => opened(path),
        error => {
          assert.match(meshError(error, 'StateDamaged', 'StateUnavailable')?.message ?? '', reason)
          assert.doesNotMatch(String(error), /-----BEGIN|MHcC|MIG/)
          return true
        },
      )
    })
  }

  test('one whose time is over', t => {
    const { path } = new Mounted(t, filesOf('issuer', ['root'], ['middle']))
    assert.throws(
      () => opened(path, new FakeClock(PRESENT + 21 * DAY)),
      error => meshError(error, 'RootUnusable') !== undefined,
    )
  })
})

describe('a folder that changes', () => {
  function living(t: TestContext, folder: string, bundleHeld: () => boolean = () => true, leafMs = HOUR) {
    const clock = new FakeClock(PRESENT + MINUTE)
    const events: IdentityEvent[] = []
    const authority = opened(folder, clock, leafMs)
    const [certificates, bundle] = [new Map(), new Map()]
    const chance = { now: clock.now, setTimer: clock.setTimer, random: () => 0 }
    const told = { certificates, bundle, onChange: () => {}, onEvent: (event: IdentityEvent) => events.push(event) }
    const issuer = new Issuer({ authority, bundleHeld, ...told, ...chance })
    issuer.start()
    t.after(() => issuer.stop())
    const kinds = () => events.map(({ kind }) => kind).filter(kind => kind.startsWith('store'))
    const said = () => events.flatMap(event => (event.kind === 'storeFailed' && event.first ? event.error.message : []))
    return { clock, authority, issuer, bundle, kinds, said }
  }

  test('a renewed authority below the same root signs within seconds, and what the old one signed stays', async t => {
    const folder = new Mounted(t, filesOf('issuer', ['root'], ['middle']))
    const { clock, authority, issuer } = living(t, folder.path, undefined, 2 * MINUTE)
    const first = issuer.ensure(WEB)
    folder.swap(filesOf('renewed', ['root']))
    await clock.run(6_000)
    assert.equal(issuer.ensure(WEB), first)
    const chain = issuer.ensure(identityOf('late'))?.chain ?? ''
    assert.equal(certificatesIn(chain)[1]?.subject, 'CN=renewed')
    assert.equal(believed(authority, first?.chain ?? ''), 'chain.pem: OK')
    await clock.run(2 * MINUTE)
    assert.equal(certificatesIn(issuer.ensure(WEB)?.chain ?? '')[1]?.subject, 'CN=renewed')
  })

  test('under a new root nothing is signed before every proxy has heard of it, of other replicas too', async t => {
    const folder = new Mounted(t, filesOf('issuer', ['root'], ['middle']))
    const held = { is: false }
    const { clock, issuer, bundle } = living(t, folder.path, () => held.is)
    folder.swap(filesOf('other', ['root', 'other']))
    await clock.run(MINUTE)
    assert.equal(bundle.get('bundle').roots.length, 2)
    assert.equal(certificatesIn(issuer.ensure(WEB)?.chain ?? '')[1]?.subject, 'CN=issuer')
    held.is = true
    await clock.run(MINUTE)
    assert.equal(certificatesIn(issuer.ensure(identityOf('early'))?.chain ?? '')[1]?.subject, 'CN=issuer')
    await clock.run(MINUTE + 6_000)
    assert.equal(certificatesIn(issuer.ensure(identityOf('late'))?.chain ?? '')[0]?.issuer, 'CN=other')
  })

  test('what leads up to a root that is trusted no more is replaced at once', async t => {
    const folder = new Mounted(t, filesOf('issuer', ['root'], ['middle']))
    const { clock, issuer } = living(t, folder.path, () => false)
    issuer.ensure(WEB)
    folder.swap(filesOf('other', ['other']))
    await clock.run(11_000)
    assert.equal(certificatesIn(issuer.ensure(WEB)?.chain ?? '')[0]?.issuer, 'CN=other')
  })

  test('a half-written one and a foreign key change nothing, and are said once', async t => {
    const good = filesOf('issuer', ['root'], ['middle'])
    const folder = new Mounted(t, good)
    const { clock, authority, issuer, kinds, said } = living(t, folder.path)
    const before = authority.roots()
    folder.swap({ 'tls.crt': pem('renewed.crt'), 'ca.crt': pem('root.crt') })
    await clock.run(6_000)
    folder.swap({ ...filesOf('renewed', ['root']), 'tls.key': pem('other.key') })
    await clock.run(MINUTE)
    assert.deepEqual(authority.roots(), before)
    assert.equal(certificatesIn(issuer.ensure(WEB)?.chain ?? '')[1]?.subject, 'CN=issuer')
    assert.ok(kinds().length > 2 && kinds().every(kind => kind === 'storeFailed'))
    assert.match(said().join('\n'), /^The authority in .+ cannot be read \(ENOENT\)\..+ goes on signing\.$/)
    folder.swap(good)
    await clock.run(6_000)
    assert.equal(kinds().at(-1), 'storeRecovered')
  })
})

test('files in a plain folder are read as well', t => {
  const folder = new Mounted(t, filesOf('other', ['other']))
  const plain = mkdtempSync(join(tmpdir(), 'smi-plain-'))
  t.after(() => rmSync(plain, { recursive: true }))
  cpSync(join(folder.path, '..data/'), plain, { recursive: true, dereference: true })
  assert.deepEqual(opened(plain).bundle(), opened(folder.path).bundle())
})

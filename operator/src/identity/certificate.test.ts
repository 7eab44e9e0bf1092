import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { identityIn } from '@smi-mesh/dataplane/xds'
import { createLeaf, createRoot, readLeaf, readRoot, signedBy, signerOf } from './certificate.ts'
import { DAY, HOUR, identityOf, TRUST_DOMAIN } from './testdata/rig.ts'

const NOW = Math.floor(Date.now() / 1000) * 1000
const ROOT = createRoot(TRUST_DOMAIN, { notBefore: NOW - DAY, notAfter: NOW + 365 * DAY })
const LEAF = createLeaf(signerOf(ROOT), identityOf('web'), { notBefore: NOW - HOUR, notAfter: NOW + HOUR })

function openssl(...args: readonly string[]): string | undefined {
  try {
    return execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

test('node accepts a root and the leaf it signed', () => {
  const root = new X509Certificate(ROOT.certificate)
  const leaf = new X509Certificate(LEAF.chain)
  assert.equal(root.ca, true)
  assert.equal(leaf.ca, false)
  assert.equal(leaf.checkIssued(root), true)
  assert.equal(leaf.verify(root.publicKey), true)
  assert.equal(root.subjectAltName, 'URI:spiffe://mesh.test')
  assert.equal(leaf.subjectAltName, 'URI:spiffe://mesh.test/ns/shop/sa/web')
  assert.deepEqual(leaf.keyUsage?.toSorted(), ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
})

test('a server that others than proxies call bears names of DNS beside its identity', () => {
  const identity = identityOf('control-plane', 'smi-mesh')
  const leaf = createLeaf(signerOf(ROOT), identity, LEAF, [
    'smi-mesh.smi-mesh.svc',
    'smi-mesh.smi-mesh.svc.cluster.local',
  ])
  const x509 = new X509Certificate(leaf.chain)
  assert.equal(x509.checkHost('smi-mesh.smi-mesh.svc'), 'smi-mesh.smi-mesh.svc')
  assert.equal(x509.checkHost('web.shop.svc'), undefined)
  assert.equal(identityIn(x509.raw), identity, 'for a proxy it is who it was')
  assert.deepEqual(readLeaf(identity, leaf.chain, leaf.privateKey), leaf)
})

test('openssl verifies the chain by its strict rules, among several roots', t => {
  if (openssl('version') === undefined)
    return t.skip('openssl is not on this machine: the chain was not verified by it')
  const folder = mkdtempSync(join(tmpdir(), 'smi-mesh-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const other = createRoot(TRUST_DOMAIN, { notBefore: NOW - DAY, notAfter: NOW + 365 * DAY })
  writeFileSync(join(folder, 'roots.pem'), other.certificate + ROOT.certificate)
  writeFileSync(join(folder, 'other.pem'), other.certificate)
  writeFileSync(join(folder, 'leaf.pem'), LEAF.chain)
  const verify = (roots: string, purpose: string) =>
    openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', join(folder, roots), join(folder, 'leaf.pem'))
  assert.match(verify('roots.pem', 'sslserver') ?? '', /OK/)
  assert.match(verify('roots.pem', 'sslclient') ?? '', /OK/)
  assert.throws(() => verify('other.pem', 'sslclient'))
  const text = openssl('x509', '-in', join(folder, 'leaf.pem'), '-noout', '-text') ?? ''
  assert.match(text, /X509v3 Basic Constraints: critical\s+CA:FALSE/)
  assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature\n/)
  assert.match(text, /X509v3 Subject Key Identifier/)
  assert.match(text, /X509v3 Authority Key Identifier/)
})

test('a certificate says exactly when it is valid, before and after 2050', () => {
  for (const notAfter of [NOW + HOUR + 999, Date.UTC(2050, 0, 1), Date.UTC(2049, 11, 31, 23, 59, 59)]) {
    const leaf = createLeaf(signerOf(ROOT), identityOf('web'), { notBefore: NOW + 1, notAfter })
    const x509 = new X509Certificate(leaf.chain)
    assert.equal(x509.validFromDate.getTime(), NOW)
    assert.equal(x509.validToDate.getTime(), Math.floor(notAfter / 1000) * 1000)
    assert.equal(leaf.notAfter, x509.validToDate.getTime())
  }
})

test('serial numbers have 128 bits, are positive and never repeat', () => {
  const leaves = Array.from({ length: 200 }, () => createLeaf(signerOf(ROOT), identityOf('web'), LEAF))
  const serials = leaves.map(({ chain }) => new X509Certificate(chain).serialNumber)
  assert.equal(new Set(serials).size, 200)
  assert.ok(serials.every(serial => /^[4-7][0-9A-F]{31}$/.test(serial)))
})

test('what was written can be read back', () => {
  assert.deepEqual(readRoot(TRUST_DOMAIN, ROOT.certificate, ROOT.privateKey), ROOT)
  assert.deepEqual(readLeaf(LEAF.identity, LEAF.chain, LEAF.privateKey), LEAF)
  assert.equal(signedBy(LEAF, ROOT.certificate), true)
})

test('pieces that do not belong together are not taken for a whole', () => {
  const other = createRoot(TRUST_DOMAIN, ROOT)
  assert.throws(() => readRoot('other.test', ROOT.certificate, ROOT.privateKey), /not for spiffe:\/\/other.test/)
  assert.throws(() => readRoot(TRUST_DOMAIN, ROOT.certificate, other.privateKey), /private key/)
  assert.throws(() => readRoot(TRUST_DOMAIN, LEAF.chain, LEAF.privateKey), /authority/)
  assert.throws(() => readLeaf(identityOf('db'), LEAF.chain, LEAF.privateKey), /not for/)
  assert.throws(() => readLeaf(LEAF.identity, LEAF.chain, other.privateKey), /private key/)
  assert.equal(signedBy(LEAF, other.certificate), false)
})

test('a private key shows itself to nobody who does not ask for it', () => {
  const secret = LEAF.privateKey.reveal().split('\n')[1] ?? ''
  assert.ok(secret.length > 40)
  const signer = signerOf(ROOT)
  const rootSecret = ROOT.privateKey.reveal().split('\n')[1] ?? ''
  for (const value of [LEAF, LEAF.privateKey, ROOT, signer, [LEAF], { deep: { LEAF } }, new Map([['leaf', LEAF]])]) {
    const seen = [
      JSON.stringify(value),
      inspect(value, { depth: 9, showHidden: true }),
      String(value),
      `${value}`,
      JSON.stringify(Object.entries(value)),
      inspect({ ...value }, { depth: 9, showHidden: true }),
    ].join('\n')
    assert.ok(!seen.includes(secret) && !seen.includes(rootSecret), 'a private key was printed')
  }
  assert.equal(JSON.stringify(structuredClone(LEAF.privateKey)).includes(secret), false)
  assert.equal(inspect(structuredClone(LEAF), { showHidden: true, depth: 9 }).includes(secret), false)
  assert.equal(inspect(new Error('a failure', { cause: LEAF }), { depth: 9 }).includes(secret), false)
})

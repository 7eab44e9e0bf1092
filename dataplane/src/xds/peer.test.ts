import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { identityIn } from './peer.ts'
import { type San, testCertificate } from './testdata/certificate.ts'

const uri = (text: string): San => ({ kind: 'uri', text })
const dns = (text: string): San => ({ kind: 'dns', text })
const identity = (...sans: San[]) => identityIn(new X509Certificate(testCertificate('leaf', sans).pem).raw)
const WEB = 'spiffe://cluster.local/ns/shop/sa/web'

test('the one URI of a certificate is who the peer is', () => {
  assert.equal(identity(uri(WEB)), WEB)
  assert.equal(identity(dns('web.shop'), uri(WEB)), WEB)
})

test('"exactly one URI SAN": none or two identify nobody', () => {
  assert.equal(identity(), undefined)
  assert.equal(identity(dns('web.shop')), undefined)
  assert.equal(identity(uri(WEB), uri('spiffe://cluster.local/ns/shop/sa/api')), undefined)
})

test('a URI of another shape identifies nobody', () => {
  assert.equal(identity(uri('https://cluster.local/ns/shop/sa/web')), undefined)
})

test('a name cannot be smuggled into another one', () => {
  assert.equal(identity(dns(`x, URI:${WEB}`)), undefined)
  assert.equal(identity(uri(`spiffe://cluster.local/ns/shop/sa/api, URI:${WEB}`)), undefined)
})

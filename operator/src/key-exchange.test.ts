import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, type TestContext, test } from 'node:test'
import tls from 'node:tls'
import { Authority } from './identity/index.ts'
import { MemoryAuthorityStore } from './identity/testdata/memory-store.ts'
import { identityOf, TRUST_DOMAIN } from './identity/testdata/rig.ts'
import { preferClassicalKeyExchange, USUAL_KEY_EXCHANGE } from './key-exchange.ts'

const before = tls.DEFAULT_ECDH_CURVE
beforeEach(preferClassicalKeyExchange)
afterEach(() => {
  tls.DEFAULT_ECDH_CURVE = before
})

test('who sends a share of both agrees classically', async t => {
  assert.equal(await agreed(t, { offered: 'auto' }), 'X25519')
})

test('who insists on the hybrid gets it', async t => {
  assert.equal(await agreed(t, { offered: 'X25519MLKEM768' }), 'X25519MLKEM768')
})

test('who knows one group of the usual alone is served', async t => {
  for (const offered of ['P-256', 'P-384', 'P-521', 'X448']) assert.ok(await agreed(t, { offered }), offered)
})

test('what names the usual key exchange prefers the hybrid all the same', async t => {
  assert.equal(await agreed(t, { ...USUAL_KEY_EXCHANGE, offered: 'auto' }), 'X25519MLKEM768')
})

/** The group on which a client that offers `offered` agrees with a server of this process. */
async function agreed(
  t: TestContext,
  { offered, ...settings }: { readonly offered: string } & tls.TlsOptions,
): Promise<string | undefined> {
  const store = new MemoryAuthorityStore()
  const authority = await Authority.open({ trustDomain: TRUST_DOMAIN, store, now: Date.now })
  const { certificate } = authority.issue(identityOf('web'))
  const server = tls.createServer({ ...settings, cert: certificate.chain, key: certificate.privateKey.reveal() })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const client = tls.connect({ port, host: '127.0.0.1', ecdhCurve: offered, rejectUnauthorized: false })
  t.after(() => client.destroy())
  await once(client, 'secureConnect')
  const info = client.getEphemeralKeyInfo()
  return info !== null && 'name' in info ? info.name : undefined
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import tls from 'node:tls'
import { Authority } from './identity/index.ts'
import { MemoryAuthorityStore } from './identity/testdata/memory-store.ts'
import { identityOf, TRUST_DOMAIN } from './identity/testdata/rig.ts'
import { preferClassicalKeyExchange } from './key-exchange.ts'

const before = tls.DEFAULT_ECDH_CURVE
beforeEach(preferClassicalKeyExchange)
afterEach(() => {
  tls.DEFAULT_ECDH_CURVE = before
})

test('who offers both agrees classically', async () => assert.equal(await agreed('auto'), 'X25519'))

test('who insists on the hybrid gets it', async () => assert.equal(await agreed('X25519MLKEM768'), 'X25519MLKEM768'))

/** The group on which a client that offers `offered` agrees with a server of this process. */
async function agreed(offered: string): Promise<string | undefined> {
  const authority = await Authority.open({
    trustDomain: TRUST_DOMAIN,
    store: new MemoryAuthorityStore(),
    now: Date.now,
  })
  const { certificate } = authority.issue(identityOf('web'))
  const server = tls
    .createServer({ cert: certificate.chain, key: certificate.privateKey.reveal() })
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = tls.connect({ port, host: '127.0.0.1', ecdhCurve: offered, rejectUnauthorized: false })
  await once(client, 'secureConnect')
  const info = client.getEphemeralKeyInfo()
  client.destroy()
  server.close()
  return info !== null && 'name' in info ? info.name : undefined
}

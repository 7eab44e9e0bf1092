/** Which proxies with a token are let in, and which of those that were must go: the whole control plane over real gRPC. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { credentials, Metadata, ServerCredentials, status } from '@grpc/grpc-js'
import { DEFAULT_MESH_CONFIG, podKey, spiffeId, TypeUrl } from '@smi-mesh/dataplane/mesh'
import { AdsClient, told } from '../../dataplane/src/xds/testdata/ads-client.ts'
import { testCertificate } from '../../dataplane/src/xds/testdata/certificate.ts'
import { type ControlPlane, startControlPlane } from '../src/control-plane.ts'
import { MemorySource } from '../src/sources/memory.ts'

const root = testCertificate('root')
const leaf = testCertificate('server', [{ kind: 'dns', text: 'localhost' }], root)
const pair = { cert_chain: Buffer.from(leaf.pem), private_key: Buffer.from(leaf.key) }
const WEB = { namespace: 'shop', serviceAccount: 'web' }

function pod(uid: string | undefined) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'shop', ...(uid === undefined ? {} : { uid }) },
    spec: { serviceAccountName: 'web' },
    status: { podIP: '10.0.0.1' },
  }
}

/** A control plane to which a token says the UID of the pod web-1 it is bound to. */
class Guarded implements AsyncDisposable {
  readonly source: MemorySource
  readonly #clients: AdsClient[] = []
  #plane: ControlPlane | undefined

  constructor(source: MemorySource) {
    this.source = source
  }

  async start(): Promise<this> {
    const identity = spiffeId(DEFAULT_MESH_CONFIG.trustDomain, WEB)
    this.#plane = await startControlPlane({
      source: this.source,
      config: DEFAULT_MESH_CONFIG,
      xds: {
        address: '127.0.0.1:0',
        credentials: () => ServerCredentials.createSsl(null, [pair], false),
        trustPlaintext: false,
        proof: {
          kind: 'token',
          review: async uid => ({ kind: 'genuine', identity, pod: podKey('shop', 'web-1'), uid, expiresAt: undefined }),
        },
      },
      identities: () => ({ ensure: () => {}, release: () => {}, stop: async () => {} }),
      holdoffMs: 0,
    })
    return this
  }

  bearing(uid: string): AdsClient {
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${uid}`)
    const channel = credentials.createSsl(Buffer.from(root.pem), null, null, { checkServerIdentity: () => undefined })
    const client = new AdsClient(this.#plane?.xdsPort ?? 0, 'DeltaAggregatedResources', channel, metadata).read()
    this.#clients.push(client)
    client.send(TypeUrl.listener, { node: { id: 'web-1.shop' } })
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close()
    await this.#plane?.stop()
  }
}

test('a token of the pod that is there is let in; one of an earlier pod of that name is refused, and told why', async () => {
  await using here = await new Guarded(new MemorySource([pod('new')])).start()
  assert.ok(told(await here.bearing('new').take()).names.length > 0)
  assert.deepEqual(await here.bearing('old').ended(), {
    code: status.PERMISSION_DENIED,
    details:
      'The token presented is of a pod with the UID old; it does not prove pod shop/web-1, which has the UID new now.',
  })
})

test('when a pod is made anew under its name, the stream of the one before ends, and the new one gets in', async () => {
  await using here = await new Guarded(new MemorySource([pod('old')])).start()
  const before = here.bearing('old')
  await before.take()
  here.source.put(pod('new'))
  const { code, details } = await before.ended()
  assert.equal(code, status.PERMISSION_DENIED)
  assert.match(details, /UID old; it does not prove pod shop\/web-1, which has the UID new now/)
  await here.bearing('new').take()
})

test('where no UID of a pod is known, no token proves it', async () => {
  await using here = await new Guarded(new MemorySource([pod(undefined)])).start()
  const { code, details } = await here.bearing('new').ended()
  assert.equal(code, status.PERMISSION_DENIED)
  assert.match(details, /of which no UID is known here/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { credentials, Metadata, ServerCredentials, status } from '@grpc/grpc-js'
import { parseSpiffeId, type SpiffeId } from '../mesh/identity.ts'
import { podKey } from '../mesh/keys.ts'
import { TypeUrl } from '../mesh/resource.ts'
import type { Peer } from './peer.ts'
import { bearerToken, type ReviewToken } from './proof.ts'
import type { Reproof } from './stream-life.ts'
import { AdsClient, told } from './testdata/ads-client.ts'
import { testCertificate } from './testdata/certificate.ts'
import { NODE, SCOPE, Scene } from './testdata/scene.ts'

const { cluster } = TypeUrl
const POD = podKey('shop', 'web-1')
const root = testCertificate('root')
const leaf = testCertificate('server', [{ kind: 'dns', text: 'localhost' }], root)
const pair = { cert_chain: Buffer.from(leaf.pem), private_key: Buffer.from(leaf.key) }
const tls = () => ServerCredentials.createSsl(null, [pair], false)

const knows: ReviewToken = async token =>
  token === 'good'
    ? { kind: 'genuine', identity: identity(), pod: POD, uid: 'u-1', expiresAt: undefined }
    : { kind: 'refused', reason: 'The API server does not know this token.' }

function identity(): SpiffeId {
  const id = parseSpiffeId('spiffe://cluster.local/ns/shop/sa/web')?.id
  assert.ok(id)
  return id
}

/** A server that reviews tokens, and what it learnt of its peers and told its log. */
class Guarded extends Scene {
  readonly peers: Peer[]
  readonly refusals: string[]

  constructor(
    review: ReviewToken,
    helloMs = 5_000,
    peers: Peer[] = [],
    refusals: string[] = [],
    reproof: Reproof | undefined = undefined,
  ) {
    super({
      proof: { kind: 'token', review, ...(reproof === undefined ? {} : { reproof }) },
      helloMs,
      refused: reason => refusals.push(reason),
      admit: peer => {
        peers.push(peer)
        return { kind: 'admitted', scope: SCOPE, pod: POD }
      },
    })
    this.peers = peers
    this.refusals = refusals
  }

  async listenTls(): Promise<this> {
    this.port = await this.server.listen('127.0.0.1:0', tls())
    this.clusters({ a: '1' })
    return this
  }

  /** A client with this header that holds what it says. */
  bearing(authorization?: string, held: Readonly<Record<string, string>> = {}): AdsClient {
    const metadata = new Metadata()
    if (authorization !== undefined) metadata.add('authorization', authorization)
    const channel = credentials.createSsl(Buffer.from(root.pem), null, null, { checkServerIdentity: () => undefined })
    const client = new AdsClient(this.port, 'DeltaAggregatedResources', channel, metadata).read()
    this.clients.push(client)
    client.send(cluster, { node: NODE, initialResourceVersions: { ...held } })
    return client
  }
}

test('a stream whose token is genuine is of the pod the token is of', async () => {
  await using here = await new Guarded(knows).listenTls()
  assert.deepEqual(told(await here.bearing('Bearer good').take()).names, ['a'])
  assert.deepEqual(
    here.peers.map(peer => peer.kind === 'token' && [peer.identity, peer.pod, peer.uid]),
    [[identity(), POD, 'u-1']],
  )
})

test('a stream without a token is asked for one, and nothing it says is read', async () => {
  await using here = await new Guarded(knows).listenTls()
  const { code, details } = await here.bearing().ended()
  assert.equal(code, status.UNAUTHENTICATED)
  assert.match(details, /authorization: Bearer/)
  assert.deepEqual(here.peers, [])
})

test('a token that is not genuine is refused, with the reason, and is not repeated', async () => {
  await using here = await new Guarded(knows).listenTls()
  const ended = await here.bearing('Bearer forged').ended()
  assert.deepEqual(ended, { code: status.UNAUTHENTICATED, details: 'The API server does not know this token.' })
  assert.deepEqual(here.refusals, ['The API server does not know this token.'])
  assert.deepEqual(here.peers, [])
})

test('two tokens are no token', () => {
  const metadata = new Metadata()
  metadata.add('authorization', 'Bearer one')
  assert.equal(bearerToken(metadata), 'one')
  metadata.add('authorization', 'Bearer two')
  assert.equal(bearerToken(metadata), undefined)
})

test('where nobody can judge a token, the proxy is told to come again and no more', async () => {
  const down: ReviewToken = () => Promise.reject(new Error('connect ECONNREFUSED 192.0.2.10:6443'))
  await using here = await new Guarded(down).listenTls()
  const { code, details } = await here.bearing('Bearer good').ended()
  assert.equal(code, status.UNAVAILABLE)
  assert.doesNotMatch(details, /192/)
})

test('a review that takes too long is given up', async () => {
  const never: ReviewToken = (_, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  await using here = await new Guarded(never, 50).listenTls()
  assert.equal((await here.bearing('Bearer good').ended()).code, status.UNAVAILABLE)
})

test('a review that heeds no signal is given up all the same', async () => {
  await using here = await new Guarded(() => new Promise(() => undefined), 50).listenTls()
  assert.equal((await here.bearing('Bearer good').ended()).code, status.UNAVAILABLE)
})

test('a review that rejects after it was given up troubles nobody', async () => {
  const late = Promise.withResolvers<never>()
  await using here = await new Guarded(() => late.promise, 50).listenTls()
  assert.equal((await here.bearing('Bearer good').ended()).code, status.UNAVAILABLE)
  late.reject(new Error('late'))
  await here.bearing('Bearer good').ended()
})

test('a proxy that left while its token was judged is not let in', async () => {
  const asked = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  const slow: ReviewToken = async (token, signal) => {
    asked.resolve()
    signal.addEventListener('abort', () => left.resolve())
    await left.promise
    return await knows(token, signal)
  }
  await using here = await new Guarded(slow).listenTls()
  const client = here.bearing('Bearer good')
  await asked.promise
  client.close()
  await left.promise
  await here.bearing('Bearer good').take()
  assert.deepEqual([here.peers.length, here.server.counters().connected], [1, 1])
})

test('tokens are not taken over plaintext', async () => {
  const here = new Guarded(knows)
  await assert.rejects(here.server.listen('127.0.0.1:0', ServerCredentials.createInsecure()), /TLS/)
})

test('a stream is over in time; the proxy comes again with a fresh token, and nothing it holds is told again', async () => {
  const tokens: string[] = []
  const remembers: ReviewToken = async (token, signal) => {
    tokens.push(token)
    return await knows('good', signal)
  }
  const timing = { mostMs: 60, leastMs: 0 }
  await using here = await new Guarded(remembers, 5_000, [], [], {
    random: () => 0,
    canReview: async () => true,
    timing,
  }).listenTls()
  const first = here.bearing('Bearer one')
  const [resource] = (await first.take()).resources ?? []
  const { code, details } = await first.ended()
  assert.equal(code, status.UNAVAILABLE)
  assert.match(details, /as long as its token proves it/)
  const sent = here.server.counters().resources
  const again = here.bearing('Bearer two', { a: resource?.version ?? '' })
  await again.ended()
  assert.deepEqual([tokens, here.server.counters().resources - sent], [['one', 'two'], 0])
})

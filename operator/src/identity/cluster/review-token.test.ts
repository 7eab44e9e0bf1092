import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TokenVerdict } from '@smi-mesh/dataplane/xds'
import { fieldsOf } from '../../facts/read.ts'
import { json, refuse, scriptedServer } from '../../kubernetes/testdata/scripted-server.ts'
import { canReview, tokenReview } from './review-token.ts'

const GENUINE = {
  authenticated: true,
  audiences: ['smi-mesh'],
  user: {
    username: 'system:serviceaccount:shop:web',
    groups: ['system:serviceaccounts'],
    extra: { 'authentication.kubernetes.io/pod-name': ['web-1'], 'authentication.kubernetes.io/pod-uid': ['u-1'] },
  },
}

/** What becomes of a token of which the API server says this; undefined where nothing could be said. */
async function verdictOn(status: unknown, failures: unknown[] = []): Promise<TokenVerdict | undefined> {
  await using server = await scriptedServer(({ path, body }, response) => {
    assert.equal(path, '/apis/authentication.k8s.io/v1/tokenreviews')
    assert.deepEqual(fieldsOf(JSON.parse(body))['spec'], { token: 'a.b.c', audiences: ['smi-mesh'] })
    if (status === undefined) refuse(response, 500, 'etcdserver: request timed out')
    else json(response, 201, { kind: 'TokenReview', status })
  })
  const onFailure = (error: unknown) => failures.push(error)
  const { client } = server
  const review = tokenReview({ client, trustDomain: 'cluster.local', audience: 'smi-mesh', onFailure })
  return await review('a.b.c', new AbortController().signal).catch(() => undefined)
}

async function reasonFor(status: unknown): Promise<string> {
  const verdict = await verdictOn(status)
  return verdict?.kind === 'refused' ? verdict.reason : `it was ${verdict?.kind}`
}

test('a token bound to a pod is of that pod and its ServiceAccount', async () => {
  assert.deepEqual(await verdictOn(GENUINE), {
    kind: 'genuine',
    identity: 'spiffe://cluster.local/ns/shop/sa/web',
    pod: 'shop/web-1',
    uid: 'u-1',
    expiresAt: undefined,
  })
})

test('a token that the API server does not accept is refused: forged, expired, of a pod that is gone', async () => {
  assert.match(await reasonFor({ authenticated: false, error: 'expired' }), /does not know this token/)
  assert.match(await reasonFor({}), /does not know this token/)
  assert.match(await reasonFor({ ...GENUINE, authenticated: 'true' }), /does not know this token/)
})

test('a token that was made for somebody else is refused, even where the API server did not look', async () => {
  assert.match(await reasonFor({ ...GENUINE, audiences: ['https://kubernetes.default.svc'] }), /not made for smi-mesh/)
  assert.match(await reasonFor({ ...GENUINE, audiences: undefined }), /not made for smi-mesh/)
})

test('a token of a ServiceAccount that is not bound to one pod is refused', async () => {
  const user = { ...GENUINE.user, extra: {} }
  assert.match(await reasonFor({ ...GENUINE, user }), /not bound to a pod/)
  const { extra } = GENUINE.user
  for (const other of [
    { 'authentication.kubernetes.io/pod-name': ['web-1', 'web-2'] },
    { 'authentication.kubernetes.io/pod-uid': undefined },
    { 'authentication.kubernetes.io/pod-uid': [''] },
  ]) {
    const user = { ...GENUINE.user, extra: { ...extra, ...other } }
    assert.match(await reasonFor({ ...GENUINE, user }), /not bound to a pod/)
  }
})

test('a person or a node is no ServiceAccount', async () => {
  for (const username of [
    'admin',
    'system:node:n1',
    'system:serviceaccount:shop:web:more',
    'system:serviceaccount:shop',
  ]) {
    assert.match(
      await reasonFor({ ...GENUINE, user: { ...GENUINE.user, username } }),
      /not of a ServiceAccount/,
      username,
    )
  }
})

test('an API server that cannot answer is no verdict, and is reported without the token', async () => {
  const failures: unknown[] = []
  assert.equal(await verdictOn(undefined, failures), undefined)
  assert.equal(failures.length, 1)
  assert.doesNotMatch(String(failures[0]), /a\.b\.c/)
})

test('however many tokens come, few are asked about at once, and whoever waits is heard or gives up', async () => {
  const under: (() => void)[] = []
  let most = 0
  const postReview = async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    under.push(resolve)
    most = Math.max(most, under.length)
    await promise
    return GENUINE
  }
  const client = { postReview }
  const onFailure = (error: unknown) => assert.fail(String(error))
  const review = tokenReview({ client, trustDomain: 'cluster.local', audience: 'smi-mesh', onFailure })
  const patient = new AbortController()
  const impatient = new AbortController()
  const reviews = Array.from({ length: 60 }, () => review('a.b.c', patient.signal))
  const gone = assert.rejects(review('a.b.c', impatient.signal))
  impatient.abort(new Error('gone'))
  await gone
  const late = review('a.b.c', patient.signal)
  let answered = 0
  for (const one of reviews) one.then(() => answered++, assert.fail)
  while (answered < reviews.length || under.length > 0) {
    under.shift()?.()
    await new Promise(setImmediate)
  }
  assert.equal((await late).kind, 'genuine')
  assert.ok(most <= 24, `${most} at once`)
})

test('a token says itself when it expires, which is believed once the API server believes the token', async () => {
  const payload = Buffer.from(JSON.stringify({ exp: 1_800_000_000 })).toString('base64url')
  await using server = await scriptedServer((_asked, response) =>
    json(response, 201, { kind: 'TokenReview', status: GENUINE }),
  )
  const { client } = server
  const review = tokenReview({ client, trustDomain: 'cluster.local', audience: 'smi-mesh', onFailure: () => {} })
  const verdict = await review(`e30.${payload}.sig`, new AbortController().signal)
  assert.equal(verdict.kind === 'genuine' && verdict.expiresAt, 1_800_000_000_000)
})

test('whether tokens can be judged is asked with one that is none, and once for all who ask together', async () => {
  let answers = true
  let now = 0
  await using server = await scriptedServer(({ body }, response) => {
    assert.deepEqual(fieldsOf(JSON.parse(body))['spec'], { token: 'none', audiences: ['smi-mesh'] })
    if (answers) json(response, 201, { kind: 'TokenReview', status: { authenticated: false } })
    else refuse(response, 503, 'shutting down')
  })
  const can = canReview({ client: server.client, audience: 'smi-mesh' }, () => now)
  assert.deepEqual(await Promise.all([can(), can(), can()]), [true, true, true])
  assert.equal(server.asked.length, 1)
  answers = false
  assert.equal(await can(), true, 'for a moment')
  now = 5_000
  assert.equal(await can(), false)
})

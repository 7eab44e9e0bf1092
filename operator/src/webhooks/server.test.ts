import assert from 'node:assert/strict'
import { request } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, type PeerCertificate } from 'node:tls'
import { controlPlaneIdentity } from '../identity/index.ts'
import { FakeClock } from '../identity/testdata/fake-clock.ts'
import { MINUTE, type Rig, rig, TRUST_DOMAIN } from '../identity/testdata/rig.ts'
import { type Webhook, type WebhookLimits, WebhookServer } from './server.ts'

const NAME = 'smi-mesh.smi-mesh.svc'
/** Renewed so early that the new one is valid by the real clock, too. */
const LEAF_MS = 4 * MINUTE
const IDENTITY = controlPlaneIdentity(TRUST_DOMAIN)

interface Scene {
  readonly mesh: Rig
  readonly server: WebhookServer
  readonly port: number
  readonly failures: unknown[]
  readonly crowded: string[]
}

const MANY_BYTES = 64 << 20

type Answers = Readonly<Record<string, Webhook['answer']>>

interface Differing {
  readonly name?: string
  readonly mostBytes?: number
  readonly isReady?: () => boolean
  readonly limits?: Partial<WebhookLimits>
}

async function scene(t: TestContext, answers: Answers = {}, differing: Differing = {}): Promise<Scene> {
  const { name = NAME, mostBytes = MANY_BYTES, isReady = () => true, limits = {} } = differing
  const webhook = { mostBytes, mostDepth: 1_000, isReady }
  const mesh = await rig({ clock: new FakeClock(Date.now()), leafMs: LEAF_MS, dnsNames: () => [name] })
  const failures: unknown[] = []
  const crowded: string[] = []
  const server = new WebhookServer({
    host: '127.0.0.1',
    port: 0,
    credentials: mesh.issuer,
    identity: IDENTITY,
    serverName: NAME,
    webhooks: new Map(Object.entries(answers).map(([path, answer]) => [path, { ...webhook, answer }])),
    onFailure: (_path, error) => failures.push(error),
    crowded: address => crowded.push(address),
    now: () => performance.now(),
    limits,
  })
  const port = await server.start()
  t.after(async () => {
    await server.stop()
    await mesh.issuer.stop()
  })
  return { mesh, server, port, failures, crowded }
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** Asks as an API server does: by the Service's name, verified by the published roots. */
function ask(
  { mesh, port }: Pick<Scene, 'mesh' | 'port'>,
  path: string,
  body?: string,
  { method = 'POST', type = 'application/json' } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const ca = [...mesh.authority.bundle().roots]
  const headers = { 'content-type': type }
  const asked = request(
    { host: '127.0.0.1', port, path, method, servername: NAME, ca, headers, agent: false },
    response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    },
  )
  asked.on('error', reject)
  asked.end(body)
  return promise
}

test('a review is answered by the webhook of its path', async t => {
  const here = await scene(t, { '/echo': body => ({ heard: body }) })
  assert.deepEqual(await ask(here, '/echo?timeout=10s', '{"a":1}'), { status: 200, text: '{"heard":{"a":1}}' })
})

test('a webhook that needs to know the cluster says so until it does', async t => {
  let isReady = false
  const here = await scene(t, { '/echo': body => ({ heard: body }) }, { isReady: () => isReady })
  assert.equal((await ask(here, '/echo', '{"a":1}')).status, 503)
  assert.equal(await here.server.obstacle(), undefined, 'it can be called')
  isReady = true
  assert.equal((await ask(here, '/echo', '{"a":1}')).status, 200)
})

test('what is no review is told what was expected, each in its own way', async t => {
  const here = await scene(t, { '/echo': () => 'An AdmissionReview was expected.' })
  assert.deepEqual(await ask(here, '/echo', '{}'), { status: 400, text: 'An AdmissionReview was expected.\n' })
  assert.equal((await ask(here, '/echo', '{"a":')).status, 400)
  assert.equal((await ask(here, '/echo', undefined, { method: 'GET' })).status, 405)
  assert.equal((await ask(here, '/elsewhere', '{}')).status, 404)
})

test('a webhook that fails is answered with 500, says nothing of why, and the next is answered', async t => {
  const here = await scene(t, {
    '/bug': () => {
      throw new Error('secret detail')
    },
    '/echo': () => ({}),
  })
  const { status, text } = await ask(here, '/bug', '{}')
  assert.equal(status, 500)
  assert.doesNotMatch(text, /secret detail/)
  assert.equal(here.failures.length, 1)
  assert.equal((await ask(here, '/echo', '{}')).status, 200)
})

test('an answer that cannot be written down is a failure of its own, and ends nothing else', async t => {
  const endless: Answers[string] = () => {
    const answer: Record<string, unknown> = {}
    answer['itself'] = answer
    return answer
  }
  const here = await scene(t, { '/endless': endless, '/echo': () => ({}) })
  assert.equal((await ask(here, '/endless', '{}')).status, 500)
  assert.equal(here.failures.length, 1)
  assert.equal((await ask(here, '/echo', '{}')).status, 200)
})

test('an answer may be nested deeper than a recursion reaches', async t => {
  const deep: Answers[string] = body => {
    let answer = { body }
    for (let depth = 0; depth < 50_000; depth++) answer = { body: answer }
    return answer
  }
  const here = await scene(t, { '/deep': deep })
  const { status, text } = await ask(here, '/deep', '{}')
  assert.deepEqual([status, text.length > 50_000 * '{"body":}'.length], [200, true])
})

test('a review that is nested too deeply, or of another type than JSON, is told so', async t => {
  const here = await scene(t, { '/echo': () => ({}) })
  const { status, text } = await ask(here, '/echo', `${'['.repeat(1_001)}${']'.repeat(1_001)}`)
  assert.deepEqual([status, text], [400, 'A review here is nested at most 1000 deep.\n'])
  const form = await ask(here, '/echo', '{}', { type: 'text/plain' })
  assert.deepEqual([form.status, form.text], [415, 'A review is sent as application/json.\n'])
  assert.equal((await ask(here, '/echo', '{}', { type: 'application/json; charset=utf-8' })).status, 200)
  assert.deepEqual(here.failures, [])
})

test('3 MB are read, and more than a list can have is refused before it is held', async t => {
  const here = await scene(t, { '/size': body => ({ length: String(body).length }) })
  assert.deepEqual(await ask(here, '/size', JSON.stringify('x'.repeat(3 << 20))), {
    status: 200,
    text: `{"length":${3 << 20}}`,
  })
  const tooMuch = await ask(here, '/size', 'x'.repeat((64 << 20) + 1)).catch((error: unknown) => String(error))
  assert.ok(typeof tooMuch === 'string' || tooMuch.status === 413, String(tooMuch))
})

test('what a path does not take is refused, though another would', async t => {
  const here = await scene(t, { '/size': () => ({}) }, { mostBytes: 1 << 20 })
  const tooMuch = await ask(here, '/size', 'x'.repeat((1 << 20) + 1)).catch((error: unknown) => String(error))
  assert.ok(typeof tooMuch === 'string' || tooMuch.status === 413, String(tooMuch))
})

test('few bytes that would become very many values are not unfolded', async t => {
  const here = await scene(t, { '/echo': () => ({}) })
  const bomb = await ask(here, '/echo', `[${'{},'.repeat(1 << 20)}{}]`).catch((error: unknown) => String(error))
  assert.ok(typeof bomb === 'string' || bomb.status === 413, JSON.stringify(bomb))
  assert.equal((await ask(here, '/echo', '{}')).status, 200)
})

test('it says whether an API server could call it now', async t => {
  const here = await scene(t)
  assert.equal(await here.server.obstacle(), undefined)
})

test('a certificate for another name is found out before an API server does', async t => {
  const here = await scene(t, {}, { name: 'another.smi-mesh.svc' })
  assert.match((await here.server.obstacle()) ?? '', /cannot be called as the API server calls them/)
})

test('a renewed certificate is shown to new connections', async t => {
  const here = await scene(t)
  const shown = async (): Promise<PeerCertificate> => {
    const ca = [...here.mesh.authority.bundle().roots]
    const socket = connect({ host: '127.0.0.1', port: here.port, servername: NAME, ca })
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    const certificate = socket.getPeerCertificate()
    socket.destroy()
    return certificate
  }
  const before = await shown()
  await here.mesh.clock.run(LEAF_MS * 0.6)
  assert.notEqual((await shown()).serialNumber, before.serialNumber)
  assert.equal(await here.server.obstacle(), undefined)
})

test('who does not speak TLS gets no answer, and holds up nobody', async t => {
  const here = await scene(t, { '/echo': () => ({}) })
  const plain = connectPlain(here.port, '127.0.0.1')
  let heard = ''
  plain.on('data', chunk => {
    heard += String(chunk)
  })
  plain.on('error', () => {})
  plain.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n')
  const closed = new Promise(resolve => plain.once('close', resolve))
  assert.equal((await ask(here, '/echo', '{}')).status, 200)
  await Promise.race([closed, delay(5_000, undefined, { ref: false })])
  assert.doesNotMatch(heard, /200/)
  plain.destroy()
})

/** A caller that sends what it likes over TLS, from an address of its choice, and then nothing more. */
async function stranger(
  { mesh, port }: Pick<Scene, 'mesh' | 'port'>,
  said: string,
  localAddress = '127.0.0.1',
): Promise<Stranger> {
  const raw = connectPlain({ port, host: '127.0.0.1', localAddress })
  const socket = connect({ socket: raw, servername: NAME, ca: [...mesh.authority.bundle().roots] })
  const heard: string[] = []
  socket.on('error', () => {})
  socket.on('data', chunk => heard.push(String(chunk)))
  const gone = new Promise<string>(resolve => socket.once('close', () => resolve(heard.join(''))))
  const secured = new Promise<void>(resolve => socket.once('secureConnect', () => resolve()))
  await Promise.race([secured, gone])
  socket.write(said)
  return { gone, leave: () => socket.destroy() }
}

interface Stranger {
  /** What it heard, once its connection has ended. */
  readonly gone: Promise<string>
  readonly leave: () => void
}

/** What is not over by then is not going to be. */
async function within<T>(promise: Promise<T>): Promise<T> {
  const late = delay(10_000, undefined, { ref: false }).then(() => assert.fail('It did not come to an end.'))
  return await Promise.race([promise, late])
}

test('a connection that never says a word is ended', async t => {
  const { port } = await scene(t, {}, { limits: { handshakeMs: 40 } })
  const silent = connectPlain(port, '127.0.0.1')
  await within(new Promise(resolve => silent.once('close', resolve)))
})

const LONG_MS = 600_000

for (const [what, said, status, limits] of [
  ['says nothing after its handshake', '', /^$|408/, { headersMs: 40 }],
  ['never ends its headers', 'POST /echo HTTP/1.1\r\nhost: a\r\n', /408/, { headersMs: 40 }],
  [
    'never ends its body',
    'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
    /408/,
    { headersMs: 40, requestMs: 40 },
  ],
  ['has been answered and asks no more', 'GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n', /200/, { idleMs: 40 }],
] as const) {
  test(`a connection that ${what} is ended`, async t => {
    const long = { handshakeMs: LONG_MS, headersMs: LONG_MS, requestMs: LONG_MS, idleMs: LONG_MS, silenceMs: LONG_MS }
    const here = await scene(t, { '/echo': () => ({}) }, { limits: { ...long, checkMs: 10, ...limits } })
    const { gone } = await stranger(here, said)
    assert.match(await within(gone), status)
    assert.deepEqual(here.failures, [])
  })
}

test('a body that ends before it is whole is no failure of ours, and the next request is answered', async t => {
  const here = await scene(t, { '/echo': () => ({}) })
  const headers = 'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n'
  const cut = await stranger(here, `${headers}{"a"`)
  cut.leave()
  await cut.gone
  assert.equal((await ask(here, '/echo', '{}')).status, 200)
  assert.deepEqual(here.failures, [])
})

test('a stranger that takes all connections keeps out neither another caller nor our own question', async t => {
  const here = await scene(t, { '/echo': () => ({}) }, { limits: { connections: 8 } })
  const many = await Promise.all(Array.from({ length: 12 }, () => stranger(here, '', '127.0.0.2')))
  assert.deepEqual(new Set(here.crowded), new Set(['127.0.0.2']))
  assert.equal((await ask(here, '/echo', '{}')).status, 200)
  assert.equal(await here.server.obstacle(), undefined)
  for (const { leave } of many) leave()
})

test('a caller that goes on for ever does not hold up the end', async t => {
  const long = { handshakeMs: LONG_MS, headersMs: LONG_MS, requestMs: LONG_MS }
  const here = await scene(t, { '/echo': () => ({}) }, { limits: { ...long, stopMs: 10 } })
  const { gone } = await stranger(here, 'POST /echo HTTP/1.1\r\nhost: a\r\n')
  const silent = connectPlain(here.port, '127.0.0.1')
  silent.on('error', () => {})
  await within(here.server.stop())
  await gone
})

test('who connects or asks too often is refused, and nobody else', async t => {
  const limits = { connectionsPerSecond: 4, requestsPerSecond: 1 }
  const here = await scene(t, {}, { limits })
  const one = 'GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n'
  const asking = await stranger(here, one.repeat(20), '127.0.0.2')
  assert.match(await asking.gone, /429/)
  await Promise.all(Array.from({ length: 40 }, async () => (await stranger(here, one, '127.0.0.3')).leave()))
  assert.deepEqual(new Set(here.crowded), new Set(['127.0.0.2', '127.0.0.3']))
  assert.equal(await here.server.obstacle(), undefined)
})

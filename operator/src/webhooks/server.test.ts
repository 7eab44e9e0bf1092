import assert from 'node:assert/strict'
import { request } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, type PeerCertificate } from 'node:tls'
import { controlPlaneIdentity } from '../identity/index.ts'
import { FakeClock } from '../identity/testdata/fake-clock.ts'
import { MINUTE, type Rig, rig, TRUST_DOMAIN } from '../identity/testdata/rig.ts'
import { type Webhook, WebhookServer } from './server.ts'

const NAME = 'smi-mesh.smi-mesh.svc'
/** Renewed so early that the new one is valid by the real clock, too. */
const LEAF_MS = 4 * MINUTE
const IDENTITY = controlPlaneIdentity(TRUST_DOMAIN)

interface Scene {
  readonly mesh: Rig
  readonly server: WebhookServer
  readonly port: number
  readonly failures: unknown[]
}

const MANY_BYTES = 64 << 20

type Answers = Readonly<Record<string, Webhook['answer']>>

async function scene(t: TestContext, answers: Answers = {}, name = NAME, mostBytes = MANY_BYTES): Promise<Scene> {
  const mesh = await rig({ clock: new FakeClock(Date.now()), leafMs: LEAF_MS, dnsNames: () => [name] })
  const failures: unknown[] = []
  const server = new WebhookServer({
    host: '127.0.0.1',
    port: 0,
    credentials: mesh.issuer,
    identity: IDENTITY,
    serverName: NAME,
    webhooks: new Map(Object.entries(answers).map(([path, answer]) => [path, { answer, mostBytes }])),
    onFailure: (_path, error) => failures.push(error),
    now: () => performance.now(),
  })
  const port = await server.start()
  t.after(async () => {
    await server.stop()
    await mesh.issuer.stop()
  })
  return { mesh, server, port, failures }
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** Asks as an API server does: by the Service's name, verified by the published roots. */
function ask({ mesh, port }: Scene, path: string, body?: string, method = 'POST'): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const ca = [...mesh.authority.bundle().roots]
  const asked = request({ host: '127.0.0.1', port, path, method, servername: NAME, ca, agent: false }, response => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
  })
  asked.on('error', reject)
  asked.end(body)
  return promise
}

test('a review is answered by the webhook of its path', async t => {
  const here = await scene(t, { '/echo': body => ({ heard: body }) })
  assert.deepEqual(await ask(here, '/echo?timeout=10s', '{"a":1}'), { status: 200, text: '{"heard":{"a":1}}' })
})

test('what is no review is told what was expected, each in its own way', async t => {
  const here = await scene(t, { '/echo': () => 'An AdmissionReview was expected.' })
  assert.deepEqual(await ask(here, '/echo', '{}'), { status: 400, text: 'An AdmissionReview was expected.\n' })
  assert.equal((await ask(here, '/echo', '{"a":')).status, 400)
  assert.equal((await ask(here, '/echo', undefined, 'GET')).status, 405)
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
  const deep: Answers[string] = body => {
    let answer = { body }
    for (let depth = 0; depth < 50_000; depth++) answer = { body: answer }
    return answer
  }
  const here = await scene(t, { '/deep': deep, '/echo': () => ({}) })
  assert.equal((await ask(here, '/deep', '{}')).status, 500)
  assert.equal(here.failures.length, 1)
  assert.equal((await ask(here, '/echo', '{}')).status, 200)
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
  const here = await scene(t, { '/size': () => ({}) }, NAME, 1 << 20)
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
  const here = await scene(t, {}, 'another.smi-mesh.svc')
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

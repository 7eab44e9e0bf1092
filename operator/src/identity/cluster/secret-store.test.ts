import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fields, fieldsOf, textOf } from '../../facts/read.ts'
import { type Answering, json, scriptedServer } from '../../kubernetes/testdata/scripted-server.ts'
import { meshError } from '../../mesh-error.ts'
import { Authority } from '../authority.ts'
import { FakeClock } from '../testdata/fake-clock.ts'
import { DAY, HOUR, identityOf, TRUST_DOMAIN } from '../testdata/rig.ts'
import { secretStore } from './secret-store.ts'

const AT = { namespace: 'smi-mesh', name: 'smi-mesh-authority' }
const PATH = `/api/v1/namespaces/${AT.namespace}/secrets`

/** One Secret as an API server keeps it: versions count up, and a write that names another version conflicts. */
class OneSecret {
  object: Fields | undefined
  version = 1
  down = false

  readonly answer: Answering = ({ method, path, body }, response) => {
    assert.ok(path === PATH || path === `${PATH}/${AT.name}`, path)
    const fail = (code: number, message: string) => json(response, code, { kind: 'Status', code, message })
    if (this.down) return fail(500, 'etcdserver: request timed out')
    if (method === 'GET') return this.object === undefined ? fail(404, 'not found') : json(response, 200, this.object)
    const sent = fieldsOf(JSON.parse(body))
    const named = textOf(fieldsOf(sent['metadata'])['resourceVersion'])
    if (method === 'POST' && this.object !== undefined) return fail(409, 'already exists')
    if (method === 'PUT' && this.object === undefined) return fail(404, 'not found')
    if (method === 'PUT' && named !== String(this.version)) return fail(409, 'the object has been modified')
    this.version++
    this.object = { ...sent, metadata: { ...fieldsOf(sent['metadata']), resourceVersion: String(this.version) } }
    return json(response, 200, this.object)
  }
}

async function scene() {
  const secret = new OneSecret()
  const server = await scriptedServer(secret.answer)
  const clock = new FakeClock()
  const replica = () =>
    Authority.open({
      trustDomain: TRUST_DOMAIN,
      store: secretStore(server.client, AT),
      now: clock.now,
      leafMs: HOUR,
      rootMs: 365 * DAY,
    })
  return { secret, server, clock, replica }
}

test('two replicas that find no Secret end with one root between them', async () => {
  const { server, replica } = await scene()
  await using _ = server
  const [a, b] = await Promise.all([replica(), replica()])
  assert.deepEqual(a.bundle(), b.bundle())
})

test('what was kept is taken up again, a rotation under way included', async () => {
  const { server, replica } = await scene()
  await using _ = server
  const before = await replica()
  await before.rotate()
  const after = await replica()
  assert.deepEqual(after.roots(), before.roots())
})

test('of two who write at once, one is told that the other was first', async () => {
  const { server, replica } = await scene()
  await using _ = server
  const [a, b] = [await replica(), await replica()]
  await a.rotate()
  const error = await b.rotate().then(
    () => undefined,
    (found: unknown) => found,
  )
  assert.ok(meshError(error, 'StateConflict'))
  assert.deepEqual(b.roots(), a.roots())
})

test('a Secret of which a part is missing is reported, and no new root is made', async () => {
  const { secret, server, replica } = await scene()
  await using _ = server
  await replica()
  const whole = textOf(fieldsOf(secret.object?.['data'])['authority.json'])
  for (const half of ['', whole.slice(0, whole.length / 2), 'bm90IGpzb24=']) {
    const data = { 'authority.json': half }
    secret.object = { ...secret.object, data }
    const error = await replica().catch((found: unknown) => found)
    assert.match(meshError(error, 'StateDamaged')?.message ?? '', /secrets smi-mesh\/smi-mesh-authority cannot be used/)
    assert.doesNotMatch(String(error), /BEGIN/)
    assert.deepEqual(secret.object['data'], data)
  }
})

test('while the API server is down, certificates are signed all the same', async () => {
  const { secret, server, clock, replica } = await scene()
  await using _ = server
  const authority = await replica()
  secret.down = true
  clock.step(HOUR)
  const error = await authority.advance(true).catch((found: unknown) => found)
  assert.ok(meshError(error, 'StateUnavailable'))
  assert.ok(authority.issue(identityOf('web')))
})

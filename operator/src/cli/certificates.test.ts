import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { type TestContext, test } from 'node:test'
import { ran } from '../../test/documentation.ts'
import type { Expiry } from '../identity/index.ts'

const AT = '2030-01-01T00:00:00.000Z'
const ROOT: Expiry = {
  kind: 'root',
  name: '5ca1ab1e',
  role: 'signing',
  issued: AT,
  expires: '2030-12-31T00:00:00.000Z',
  state: 'valid',
}
const WEB = 'spiffe://cluster.local/ns/shop/sa/web'

/** Where an admin side answers that knows of these certificates. */
async function admin(t: TestContext, certificates: readonly Expiry[], status = 200): Promise<string> {
  const server: Server = createServer((request, response) => {
    response.writeHead(request.url === '/debug/certificates' ? status : 404)
    response.end(JSON.stringify({ trustDomain: 'cluster.local', at: AT, certificates }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const bound = server.address()
  return `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`
}

test('all that is renewed in time is well, and told with what is left of it', async t => {
  const web: Expiry = { kind: 'workload', name: WEB, issued: AT, expires: '2030-01-01T23:59:00.000Z', state: 'valid' }
  const { printed, code } = await ran(['certificates', '--admin-address', await admin(t, [ROOT, web])])
  assert.equal(code, 0)
  assert.deepEqual(
    printed.split('\n').map(line => line.split(/ {2,}/)),
    [
      ['KIND', 'NAME', 'EXPIRES', 'LEFT', 'STATE'],
      ['root (signing)', '5ca1ab1e', '2030-12-31T00:00:00.000Z', '364d', 'valid'],
      ['workload', WEB, '2030-01-01T23:59:00.000Z', '23h', 'valid'],
      [''],
    ],
  )
})

for (const state of ['overdue', 'expired', 'missing'] as const) {
  test(`what is ${state} is found`, async t => {
    const web: Expiry = { kind: 'workload', name: WEB, state }
    const { printed, code } = await ran(['certificates', '--admin-address', await admin(t, [ROOT, web])])
    assert.equal(code, 1)
    assert.match(printed, new RegExp(`${WEB} .* ${state}$`, 'm'))
  })
}

test('a root that has been followed may end', async t => {
  const retiring: Expiry = { ...ROOT, role: 'retiring', state: 'retiring' }
  assert.equal((await ran(['certificates', '--admin-address', await admin(t, [ROOT, retiring])])).code, 0)
})

test('programs get the answer as it is', async t => {
  const { printed } = await ran(['certificates', '-o', 'json', '--admin-address', await admin(t, [ROOT])])
  assert.deepEqual(JSON.parse(printed), { trustDomain: 'cluster.local', at: AT, certificates: [ROOT] })
})

test('where nobody knows of certificates, nothing is said of them', async t => {
  const { printed, code } = await ran(['certificates', '--admin-address', await admin(t, [], 404)])
  assert.equal(code, 3)
  assert.match(printed, /^No control plane that knows of certificates answers at 127\.0\.0\.1:\d+\. Start one/)
})

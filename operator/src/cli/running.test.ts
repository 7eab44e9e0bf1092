import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { Address } from './options.ts'
import { askAdmin } from './running.ts'

/** An address where every request is answered so. */
async function answering(t: TestContext, status: number, body: string): Promise<Address> {
  const server = createServer((_request, response) => response.writeHead(status).end(body))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const bound = server.address()
  return { host: '127.0.0.1', port: typeof bound === 'object' ? (bound?.port ?? 0) : 0 }
}

test('of several places, the first that shows what is asked for answers: health alone is no answer', async t => {
  const health = await answering(t, 404, '{"error":"There is nothing at this path."}')
  const nobody = { host: '127.0.0.1', port: 1 }
  const admin = await answering(t, 200, '[1]')
  const other = await answering(t, 200, '[2]')
  assert.deepEqual(await askAdmin([health, nobody, admin, other], '/debug/proxies'), [1])
})

test('where no place answers there is no answer', async t => {
  const text = await answering(t, 200, 'hello')
  assert.equal(await askAdmin([text, { host: '127.0.0.1', port: 1 }], '/debug/proxies'), undefined)
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { PrivateKey } from '@smi-mesh/dataplane/mesh'
import { createLeaf, createRoot, signerOf } from '../identity/certificate.ts'
import { DAY, identityOf, TRUST_DOMAIN } from '../identity/testdata/rig.ts'
import { meshError } from '../mesh-error.ts'
import { type AdminOptions, type AdminProviders, startAdmin } from './server.ts'

interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

interface Asking {
  readonly method?: string
  readonly host?: string
  /** An address of this machine's own. */
  readonly from?: string
}

function providers(more: Partial<AdminProviders> = {}): AdminProviders {
  return {
    unready: () => [],
    metrics: async () => ({ contentType: 'text/plain', body: 'smi_xds_streams 3\n' }),
    mesh: () => ({ services: new Map([['shop/web', { ports: new Set([80]) }]]) }),
    findings: () => [],
    problems: () => [],
    proxies: () => [],
    counters: () => ({}),
    certificates: () => ({ certificates: [] }),
    config: node => (node === 'web-1.shop' ? { clusters: [] } : undefined),
    ...more,
  }
}

async function admin(t: TestContext, more: Partial<AdminProviders> = {}, options: Partial<AdminOptions> = {}) {
  const failures: unknown[] = []
  const server = await startAdmin({
    address: '127.0.0.1',
    port: 0,
    audience: 'loopback',
    providers: providers(more),
    onFailure: (_path, error) => failures.push(error),
    ...options,
  })
  t.after(() => server.stop())
  const ask = (path: string, { method = 'GET', host, from = '127.0.0.1' }: Asking = {}): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const headers = host === undefined ? {} : { host }
      const at = { host: '127.0.0.1', port: server.port, localAddress: from }
      const asked = request({ ...at, path, method, headers, agent: false }, response => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          body += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
      })
      asked.on('error', reject)
      asked.end(method === 'POST' ? 'x' : undefined)
    })
  return { ask, failures, server }
}

test('a stranger who holds all connections keeps nobody else from asking how things stand', async t => {
  const { ask, server } = await admin(t, {}, { audience: 'network' })
  const silent = Array.from({ length: 80 }, () => connect(server.port, '127.0.0.1'))
  t.after(() => {
    for (const socket of silent) socket.destroy()
  })
  for (const socket of silent) socket.on('error', () => undefined)
  await Promise.all(silent.map(socket => once(socket, 'connect')))
  assert.equal((await ask('/healthz', { from: '127.0.0.2' })).status, 200)
})

test('every page answers in JSON, but for the metrics', async t => {
  const { ask } = await admin(t)
  for (const path of [
    '/healthz',
    '/readyz',
    '/debug/mesh',
    '/debug/findings',
    '/debug/problems',
    '/debug/proxies',
    '/debug/counters',
    '/debug/certificates',
    '/debug/config?node=web-1.shop',
  ]) {
    const { status, headers, body } = await ask(path)
    assert.equal(status, 200, path)
    assert.equal(headers['content-type'], 'application/json; charset=utf-8')
    assert.doesNotThrow(() => JSON.parse(body))
  }
  assert.deepEqual(JSON.parse((await ask('/debug/mesh')).body), { services: { 'shop/web': { ports: [80] } } })
  assert.equal((await ask('/metrics')).body, 'smi_xds_streams 3\n')
})

test('while something is not ready, readiness says what', async t => {
  const { ask } = await admin(t, { unready: () => ['The source has not been read.'] })
  const { status, body } = await ask('/readyz')
  assert.equal(status, 503)
  assert.deepEqual(JSON.parse(body).because, ['The source has not been read.'])
  assert.equal((await ask('/healthz')).status, 200)
})

test('what is not there is refused in a sentence that helps', async t => {
  const { ask } = await admin(t)
  for (const path of ['/', '/debug', '/debug/mesh/', '//evil', '/debug/config?node=db-1.shop']) {
    const { status, body } = await ask(path)
    assert.equal(status, 404, path)
    assert.match(JSON.parse(body).error, /\.$/)
  }
  assert.equal((await ask('/debug/config')).status, 400)
})

test('nothing can be changed', async t => {
  const { ask } = await admin(t)
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const { status, headers, body } = await ask('/debug/mesh', { method })
    assert.equal(status, 405, method)
    assert.equal(headers['allow'], 'GET, HEAD')
    assert.match(JSON.parse(body).error, new RegExp(method))
  }
})

test('HEAD is GET without a body', async t => {
  const { ask } = await admin(t)
  const { status, headers, body } = await ask('/debug/mesh', { method: 'HEAD' })
  assert.equal(status, 200)
  assert.ok(Number(headers['content-length']) > 10)
  assert.equal(body, '')
})

test('a page of the web that points its name here learns nothing', async t => {
  const { ask } = await admin(t)
  for (const host of [
    'evil.test',
    'evil.test:80',
    'localhost.evil.test',
    '127.0.0.1.evil.test',
    '127.evil',
    '[::2]',
    '10.0.0.1',
  ]) {
    const { status, body } = await ask('/debug/mesh', { host })
    assert.equal(status, 403, host)
    assert.ok(!body.includes('shop'))
  }
  for (const host of ['localhost', 'LOCALHOST:9', '127.0.0.1:80', '127.3.0.1', '[::1]:80']) {
    assert.equal((await ask('/debug/mesh', { host })).status, 200, host)
  }
  assert.equal((await ask('/debug/mesh')).headers['access-control-allow-origin'], undefined)
})

test('the whole mesh is not shown to a network', async t => {
  const refused = startAdmin({
    address: '0.0.0.0',
    port: 0,
    audience: 'loopback',
    providers: providers(),
    onFailure: () => {},
  })
  await assert.rejects(refused, error => meshError(error, 'AddressRefused') !== undefined)
  const { ask } = await admin(t, {}, { audience: 'network' })
  assert.equal((await ask('/healthz', { host: '10.1.2.3:80' })).status, 200)
  assert.equal((await ask('/metrics', { host: '10.1.2.3:80' })).status, 200)
  for (const path of ['/debug/mesh', '/debug/config?node=web-1.shop']) assert.equal((await ask(path)).status, 404)
})

test('a private key is never shown, whatever form it comes in', async t => {
  const root = createRoot(TRUST_DOMAIN, { notBefore: Date.now() - DAY, notAfter: Date.now() + DAY })
  const leaf = createLeaf(signerOf(root), identityOf('web'), root)
  const pem = leaf.privateKey.reveal()
  const base64 = Buffer.from(pem).toString('base64')
  const shapes = [
    { leaf },
    { tls_certificate: { private_key: { inline_string: pem } } },
    { tlsCertificate: { privateKey: { inlineBytes: base64 } } },
    { certificate_chain: pem },
    { other: base64 },
    { other: Buffer.from(`x${pem}`).toString('base64') },
    { other: Buffer.from(`xx${pem}`).toString('base64') },
    { bytes: Buffer.from(pem), view: new Uint8Array(Buffer.from(pem)) },
    new Map([['key', new PrivateKey(pem)]]),
    { [pem]: 1 },
  ]
  const secret = pem.split('\n')[1] ?? assert.fail()
  for (const [i, shape] of shapes.entries()) {
    const { ask } = await admin(t, { config: () => shape })
    const { body } = await ask('/debug/config?node=web-1.shop')
    assert.ok(!body.includes(secret) && !body.includes(base64.slice(60, 100)), `shape ${i}`)
    assert.ok(!body.includes(Buffer.from(`xx${pem}`).toString('base64').slice(60, 100)), `shape ${i}`)
    assert.ok(!JSON.stringify([...Buffer.from(body)]).includes([...Buffer.from(pem)].join(',')), `shape ${i}`)
    assert.ok(!body.includes('45,\n'), 'no bytes as numbers')
  }
})

test('a mistake in an answer is told to us, not to the caller, and the next answer is well', async t => {
  let broken = true
  const { ask, failures } = await admin(t, {
    mesh: () => {
      if (broken) throw new TypeError('secret detail')
      return {}
    },
  })
  const { status, body } = await ask('/debug/mesh')
  assert.equal(status, 500)
  assert.ok(!body.includes('secret detail'))
  assert.equal(failures.length, 1)
  broken = false
  assert.equal((await ask('/debug/mesh')).status, 200)
})

test('an address that is taken is said to be so', async t => {
  const { server } = await admin(t)
  const second = startAdmin({
    address: '127.0.0.1',
    port: server.port,
    audience: 'loopback',
    providers: providers(),
    onFailure: () => {},
  })
  await assert.rejects(second, error => meshError(error, 'AddressInUse') !== undefined)
})

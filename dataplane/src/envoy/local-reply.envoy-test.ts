/** Every answer that a proxy gives itself says why, between real Envoys on loopback. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { applicationAddress, clusterAddressSeenBy, podAddress } from '../mesh/index.ts'
import { ask, type Place } from './testdata/client.ts'
import { envoyBinary, until } from './testdata/envoy-process.ts'
import { MeshOfProcesses } from './testdata/mesh-of-processes.ts'
import { addPod, addService, allow, identity, peer } from './testdata/world.ts'

const binary = envoyBinary()
const CLIENT = 163
const SERVER = 164

describe('answers of the proxies themselves', {
  skip: binary === undefined ? 'no Envoy binary: set ENVOY' : false,
}, () => {
  const mesh = new MeshOfProcesses(binary ?? '')
  const { world } = mesh
  const client = addPod(world, { name: 'client', subnet: CLIENT })
  const server = addPod(world, { name: 'web', subnet: SERVER, ports: { 8080: 'http' } })
  addService(world, { name: 'web', ips: ['127.0.77.1'], port: 8080, protocol: 'http', endpoints: [peer(server, 8080)] })
  const web: Place = { host: clusterAddressSeenBy(CLIENT, '127.0.77.1') ?? assert.fail(), port: 8080 }
  const direct: Place = { host: podAddress(SERVER), port: 8080 }
  /** Answers what its path says, which is not always HTTP. */
  const application = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.on('data', data => {
      const path = data.toString().split(' ')[1]
      if (path === '/mute') socket.destroy()
      else if (path === '/garbage') socket.end('what?\r\n\r\n')
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
    })
  })

  before(async () => {
    const everything = { name: 'all', sources: [identity('client')], matches: [{ kind: 'any' }], from: [] } as const
    allow(world, server, 8080, { rules: [everything] })
    mesh.commit()
    application.listen(8080, applicationAddress(SERVER))
    await once(application, 'listening')
    await mesh.start(client, server)
    await until('the client reaches web', async () => (await ask(web)).status === 200)
  })

  after(async () => {
    await mesh.stop()
    application.close()
  })

  const get = (path: string, ...headers: string[]) =>
    [`GET ${path} HTTP/1.1`, 'host: web', ...headers, '', ''].join('\r\n')
  const not = (details: string) => `the mesh carries no such request (${details})`
  const unreadable = 'the server cannot read the request, or its answer is no HTTP'
  const upgrade = get('/', 'connection: upgrade', 'upgrade: elsewhere')
  const answers: readonly (readonly [what: string, request: string, to: Place, status: number, reason: string])[] = [
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nhost: web\r\n\r\n', web, 404, not('absolute_path_rejected')],
    ['OPTIONS * from outside', 'OPTIONS * HTTP/1.1\r\nhost: web\r\n\r\n', direct, 404, not('absolute_path_rejected')],
    ['CONNECT', 'CONNECT web:443 HTTP/1.1\r\nhost: web:443\r\n\r\n', web, 404, not('route_not_found')],
    ['CONNECT from outside', 'CONNECT web:443 HTTP/1.1\r\nhost: web:443\r\n\r\n', direct, 404, not('route_not_found')],
    ['a fragment', get('/a#b'), web, 400, not('path_normalization_failed')],
    ['an escaped slash', get('/a%2Fb'), web, 400, not('path_normalization_failed')],
    ['a request without a host', 'GET / HTTP/1.1\r\n\r\n', web, 400, not('missing_host_header')],
    ['what is no HTTP', 'what is this?\r\n\r\n', web, 400, not('http1.codec_error')],
    ['headers that are too large', get('/', `x: ${'Z'.repeat(100_000)}`), web, 431, not('http1.headers_too_large')],
    ['an upgrade that nobody carries', upgrade, web, 403, 'the mesh carries no upgrade but to websocket'],
    ['a host with a user name', 'GET / HTTP/1.1\r\nhost: user@web\r\n\r\n', web, 502, unreadable],
    [
      'a transfer coding that nobody knows',
      get('/', 'transfer-encoding: gzip'),
      web,
      501,
      'the proxy ended the request (http1.invalid_transfer_encoding)',
    ],
    ['an application that hangs up', get('/mute'), web, 503, 'the application ended the connection without an answer'],
    ['an application that answers no HTTP', get('/garbage'), web, 502, 'what the application answered is no HTTP'],
  ]
  for (const [what, request, to, status, reason] of answers) {
    test(`${what} is answered ${status}, and why`, async () => {
      const head = await headOf(to, request)
      assert.match(head, new RegExp(`^HTTP/1.1 ${status} `))
      assert.equal(/^x-smi-reason: (.*)$/m.exec(head)?.[1]?.trim(), reason)
    })
  }

  /** The head of the answer to what no library would write. */
  async function headOf(to: Place, request: string): Promise<string> {
    const socket = connect(to.port, to.host)
    socket.setTimeout(10_000, () => socket.destroy())
    socket.write(request)
    let heard = ''
    const { promise, resolve } = Promise.withResolvers<string>()
    socket.on('data', data => {
      heard += data.toString()
      if (heard.includes('\r\n\r\n')) resolve(heard)
    })
    socket.on('error', error => resolve(error.message))
    socket.on('close', () => resolve(heard))
    const head = await promise
    socket.destroy()
    return head
  }
})

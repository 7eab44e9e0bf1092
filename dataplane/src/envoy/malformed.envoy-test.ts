/** Requests share a connection between two proxies. What one of them may do to the others, between real Envoys on loopback. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { applicationAddress, clusterAddressSeenBy } from '../mesh/index.ts'
import { ask, type Place } from './testdata/client.ts'
import { envoyBinary, until } from './testdata/envoy-process.ts'
import { MeshOfProcesses } from './testdata/mesh-of-processes.ts'
import { addPod, addService, allow, identity, peer } from './testdata/world.ts'

const binary = envoyBinary()
const CLIENT = 161
const SERVER = 162

describe('one connection of many requests', {
  skip: binary === undefined ? 'no Envoy binary: set ENVOY' : false,
}, () => {
  const mesh = new MeshOfProcesses(binary ?? '')
  const { world } = mesh
  const client = addPod(world, { name: 'client', subnet: CLIENT })
  const server = addPod(world, { name: 'web', subnet: SERVER, ports: { 8080: 'http' } })
  addService(world, { name: 'web', ips: ['127.0.77.1'], port: 8080, protocol: 'http', endpoints: [peer(server, 8080)] })
  const web: Place = { host: clusterAddressSeenBy(CLIENT, '127.0.77.1') ?? assert.fail(), port: 8080 }
  const held: ServerResponse[] = []
  const application = createServer({ maxHeaderSize: 200_000 }, (request, response) => {
    if (request.url === '/held') held.push(response)
    else response.end('at once')
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

  const requests: readonly (readonly [what: string, request: string])[] = [
    ['a host with a user name', 'GET / HTTP/1.1\r\nhost: user@web\r\n\r\n'],
    ['an empty host', 'GET / HTTP/1.1\r\nhost:\r\n\r\n'],
    ['a header of 80 kB that cannot be packed', `GET / HTTP/1.1\r\nhost: web\r\nx-long: ${'Z'.repeat(80_000)}\r\n\r\n`],
    ['a path of 80 kB', `GET /${'Z'.repeat(80_000)} HTTP/1.1\r\nhost: web\r\n\r\n`],
  ]
  for (const [what, request] of requests) {
    test(`${what} does not end the requests beside it`, async () => {
      const beside = ask(web, { path: '/held' })
      await until('the application has the request beside it', async () => held.length === 1)
      const status = await statusOf(request)
      held.pop()?.end('held')
      assert.equal((await beside).status, 200, `The other request was answered ${status}.`)
    })
  }

  /** What a request that no library would write is answered. */
  async function statusOf(request: string): Promise<string> {
    const socket = connect(web.port, web.host)
    socket.setTimeout(10_000, () => socket.destroy())
    socket.write(request)
    const { promise, resolve } = Promise.withResolvers<string>()
    socket.on('data', data => resolve(data.toString().slice(9, 12)))
    socket.on('error', error => resolve(error.message))
    socket.on('close', () => resolve('nothing'))
    const status = await promise
    socket.destroy()
    return status
  }
})

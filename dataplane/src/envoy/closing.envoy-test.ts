/** An application that closes connections while it is asked, as servers do that are told to end: between real Envoys on loopback. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Session } from 'node:http2'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { applicationAddress, clusterAddressSeenBy } from '../mesh/index.ts'
import { envoyBinary, until } from './testdata/envoy-process.ts'
import { MeshOfProcesses } from './testdata/mesh-of-processes.ts'
import { addPod, addService, allow, identity, peer } from './testdata/world.ts'

const binary = envoyBinary()
const skip = binary === undefined ? 'no Envoy binary: set ENVOY' : false
const CLIENT = 165
const SERVER = 166
/** Requests flow until the application has closed so many connections; how many that are depends on the machine. */
const CLOSED = 10
/** So many are under way at any time. */
const AT_ONCE = 10

const mesh = new MeshOfProcesses(binary ?? '')
const { world } = mesh
const client = addPod(world, { name: 'client', subnet: CLIENT })
const server = addPod(world, { name: 'web', subnet: SERVER, ports: { 8080: 'http2' } })
const sessions = new Set<ServerHttp2Session>()
const application = createServer((message, response) => void text(message).then(body => response.end(body)))
application.on('session', session => {
  sessions.add(session)
  session.on('close', () => sessions.delete(session))
})
let session: ClientHttp2Session | undefined

before(async () => {
  if (skip !== false) return
  const endpoints = [peer(server, 8080)]
  addService(world, { name: 'web', ips: ['127.0.77.11'], port: 8080, protocol: 'http2', endpoints })
  const everything = { name: 'all', sources: [identity('client')], matches: [{ kind: 'any' }], from: [] } as const
  allow(world, server, 8080, { rules: [everything] })
  mesh.commit()
  application.listen(8080, applicationAddress(SERVER))
  await once(application, 'listening')
  await mesh.start(client, server)
  session = connect(`http://${clusterAddressSeenBy(CLIENT, '127.0.77.11')}:8080`)
  await until('the client reaches web', async () => (await post()) === '200  a')
})

after(async () => {
  session?.destroy()
  await mesh.stop()
  application.close()
  for (const each of sessions) each.destroy()
})

test('connections that an application closes by GOAWAY cost no request, whatever its method', { skip }, async () => {
  let closed = 0
  const ending = new WeakSet<ServerHttp2Session>()
  const closing = setInterval(() => {
    for (const each of sessions) {
      if (ending.has(each)) continue
      ending.add(each)
      closed++
      each.close() // what is on its way to it is refused
    }
  }, 200)
  const answers: Record<string, number> = {}
  const worker = async () => {
    while (closed < CLOSED) {
      const answer = await post()
      answers[answer] = (answers[answer] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  clearInterval(closing)
  assert.deepEqual(Object.keys(answers), ['200  a'], JSON.stringify(answers))
})

/** Status, reason and body of the answer. */
async function post(): Promise<string> {
  const stream = session?.request({ ':method': 'POST', ':path': '/' }) ?? assert.fail('no connection')
  stream.end('a')
  const [headers] = await once(stream, 'response')
  return `${headers[':status']} ${headers['x-smi-reason'] ?? ''} ${await text(stream)}`
}

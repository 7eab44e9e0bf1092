/** Every socket that `smictl up` opens, who may use it, and the proof of that. A socket that is not in this table fails. */
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { type ChannelCredentials, credentials, status } from '@grpc/grpc-js'
import { credentialFiles } from '@smi-mesh/dataplane/envoy'
import { DEFAULT_MESH_CONFIG, type SpiffeId, spiffeId, TypeUrl } from '@smi-mesh/dataplane/mesh'
import { envoyBinary } from '../../dataplane/src/envoy/testdata/envoy-process.ts'
import { AdsClient } from '../../dataplane/src/xds/testdata/ads-client.ts'
import { testCertificate } from '../../dataplane/src/xds/testdata/certificate.ts'
import { type ListeningSocket, listeningSockets } from './listening-sockets.ts'
import { SmictlProcess, until } from './smictl-process.ts'

const SHOP = join(import.meta.dirname, '../examples/shop')
const PODS = 4
const skip = envoyBinary() === undefined ? 'There is no Envoy: run make setup.' : false

let folder: string
let up: SmictlProcess
let sockets: readonly ListeningSocket[]

const state = () => join(folder, 'state')
const adminPort = () => Number(/--admin-address 127\.0\.0\.1:(\d+)/.exec(up.said)?.[1])

before(async () => {
  if (skip !== false) return
  folder = mkdtempSync(join(tmpdir(), 'smi-mesh-sockets-'))
  cpSync(SHOP, join(folder, 'shop'), { recursive: true })
  up = new SmictlProcess('up', join(folder, 'shop'), '--no-table', '--state-dir', state(), '--subnets', '190-199')
  await until('all pods are ready', () => (up.said.match(/ is ready$/gm) ?? []).length === PODS, 60_000)
  sockets = listeningSockets(up.pid)
})

after(async () => {
  if (skip !== false) return
  await up.end('SIGTERM')
  rmSync(folder, { recursive: true })
})

interface Entry {
  readonly what: string
  readonly kind: ListeningSocket['kind']
  /** How the command line of whoever listens begins or what it holds. */
  readonly by: RegExp
  readonly address: RegExp
  /** How many of them four pods and five Services make. */
  readonly count: number
  /** Who may use it. That it is so is tested below, or is what loopback means. */
  readonly usedBy: string
}

const CONTROL_PLANE = /\/src\/cli\/main\.ts up /
const PROXY = /envoy\S* --config-path /
const APPLICATION = /^node shop\.ts /

const TABLE: readonly Entry[] = [
  {
    what: 'the control plane, for proxies and for `smictl proxies`',
    kind: 'tcp',
    by: CONTROL_PLANE,
    address: /^127\.0\.0\.1:\d+$/,
    count: 2,
    usedBy:
      'xDS: proxies with a certificate of the mesh, each for its own pod; admin: programs of this machine, to read',
  },
  {
    what: 'the admin side of a proxy',
    kind: 'unix',
    by: PROXY,
    address: /\/state\/pods\/19\d\.sock$/,
    count: PODS,
    usedBy: 'the user who runs the mesh',
  },
  {
    what: 'a pod, as others see it',
    kind: 'tcp',
    by: PROXY,
    address: /^127\.19\d\.0\.1:8080$/,
    count: PODS,
    usedBy: 'whom a TrafficTarget allows',
  },
  {
    what: 'Services, as a pod sees them',
    kind: 'tcp',
    by: PROXY,
    address: /^127\.19\d\.1\.\d+:8080$/,
    count: PODS * 5,
    usedBy: "the pod's application; on loopback every program of this machine can, as that pod",
  },
  {
    what: 'an application',
    kind: 'tcp',
    by: APPLICATION,
    address: /^127\.19\d\.0\.2:8080$/,
    count: PODS,
    usedBy: "the pod's proxy; on loopback every program of this machine can",
  },
]

function listenedTo({ kind, by, address }: Entry): readonly ListeningSocket[] {
  return sockets.filter(socket => socket.kind === kind && by.test(socket.command) && address.test(socket.address))
}

test('nobody listens but who is in the table, and nobody off loopback', { skip }, () => {
  const unexpected = sockets.filter(socket => !TABLE.some(entry => listenedTo(entry).includes(socket)))
  assert.deepEqual(unexpected, [])
  const counts = (of: (entry: Entry) => number) => Object.fromEntries(TABLE.map(entry => [entry.what, of(entry)]))
  assert.deepEqual(
    counts(entry => listenedTo(entry).length),
    counts(({ count }) => count),
  )
  const exposed = sockets.filter(({ kind, address }) => kind !== 'unix' && !address.startsWith('127.'))
  assert.deepEqual(exposed, [])
})

test('the admin socket of a proxy, and the keys beside it, are for one user alone', { skip }, () => {
  const paths = sockets.filter(({ kind }) => kind === 'unix').map(({ address }) => address)
  const [first = ''] = paths
  for (const path of [...paths, dirname(first), ...keyFiles(dirname(first))]) {
    const { mode, uid } = statSync(path)
    assert.equal(mode & 0o077, 0, `${path} has mode ${(mode & 0o777).toString(8)}.`)
    assert.equal(uid, process.getuid?.())
  }
})

function keyFiles(pods: string): readonly string[] {
  const found = readdirSync(pods, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('key.pem'))
  assert.ok(found.length >= PODS) // each by its name and as what that name links to
  return found.map(name => join(pods, name))
}

function askAdmin(method: string, host: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const options = { host: '127.0.0.1', port: adminPort(), path: '/debug/mesh', method, headers: { host }, agent: false }
  request(options, response => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
    .on('error', reject)
    .end()
  return promise
}

test('the admin server is read, and under names of this machine only', { skip }, async () => {
  const own = `127.0.0.1:${adminPort()}`
  assert.equal(await askAdmin('GET', own), 200)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) assert.equal(await askAdmin(method, own), 405)
  for (const host of ['shop.example.com', '127.0.0.1.example.com', 'localhost.example.com', '10.0.0.1']) {
    assert.ok([400, 403, 421].includes(await askAdmin('GET', host)), `It answered to "${host}".`)
  }
})

test('a pod is answered for by its proxy, which refuses whom no TrafficTarget allows', { skip }, async () => {
  const inbound = sockets.filter(({ address }) => /^127\.19\d\.0\.1:8080$/.test(address))
  const answers = await Promise.all(
    inbound.map(async ({ address }) => {
      const response = await fetch(`http://${address}/`)
      return { status: response.status, reason: response.headers.get('x-smi-reason') }
    }),
  )
  // The storefront's namespace lets in whom nobody knows; everything else refuses them, and says so.
  const refused = answers.filter(answer => answer.status === 403 && (answer.reason ?? '') !== '')
  assert.equal(answers.filter(answer => answer.status === 200).length, 1, JSON.stringify(answers))
  assert.equal(refused.length, PODS - 1, JSON.stringify(answers))
})

interface Pod {
  readonly node: string
  readonly identity: SpiffeId
  readonly channel: ChannelCredentials
}

/** A pod, with the credentials that its proxy has. */
function podOf(namespace: string, serviceAccount: string): Pod {
  const pods = join(state(), 'pods')
  const identity = spiffeId(DEFAULT_MESH_CONFIG.trustDomain, { namespace, serviceAccount })
  for (const name of readdirSync(pods).filter(file => file.endsWith('.json'))) {
    const { node }: { readonly node: { readonly id: string } } = JSON.parse(readFileSync(join(pods, name), 'utf8'))
    if (!node.id.startsWith(serviceAccount) || !node.id.endsWith(`.${namespace}`)) continue
    const files = credentialFiles(join(pods, name.replace('.json', '.credentials')))
    assert.ok(existsSync(files.certificate))
    return { node: node.id, identity, channel: secure(...pemsOf(files)) }
  }
  throw new Error(`${serviceAccount} has no proxy.`)
}

function pemsOf(files: ReturnType<typeof credentialFiles>): [Buffer, Buffer, Buffer] {
  return [readFileSync(files.roots), readFileSync(files.privateKey), readFileSync(files.certificate)]
}

/** The server proves a SPIFFE identity, no name of a host; that proxies check it is tested where they are. */
function secure(roots: Buffer, key: Buffer | null, certificate: Buffer | null): ChannelCredentials {
  return credentials.createSsl(roots, key, certificate, { checkServerIdentity: () => undefined })
}

const xdsPort = () => {
  const ports = sockets.filter(({ command, kind }) => kind === 'tcp' && CONTROL_PLANE.test(command))
  const [port] = ports.map(({ address }) => Number(address.split(':')[1])).filter(one => one !== adminPort())
  return port ?? 0
}

/** Asks for clusters as a node; resolves with how many came, or with how the stream ended. */
async function askForClusters(channel: ChannelCredentials, node: string): Promise<number | { readonly code: number }> {
  const client = new AdsClient(xdsPort(), undefined, channel).read()
  try {
    client.send(TypeUrl.cluster, { node: { id: node } })
    const answer = client.next().then(({ resources }) => resources?.length ?? 0)
    const ending = client.ended().then(({ code }) => ({ code }))
    return await Promise.race([answer.catch(() => ending), ending])
  } finally {
    client.close()
  }
}

test('a proxy is given what concerns its own pod', { skip }, async () => {
  const { channel, node } = podOf('web', 'storefront')
  const clusters = await askForClusters(channel, node)
  assert.ok(typeof clusters === 'number' && clusters > 0, JSON.stringify(clusters))
})

test("a pod's certificate does not get another pod's configuration", { skip }, async () => {
  const { channel } = podOf('web', 'storefront')
  for (const node of [podOf('shop', 'payments').node, podOf('shop', 'checkout').node, 'nobody.shop', 'storefront']) {
    assert.deepEqual(await askForClusters(channel, node), { code: status.PERMISSION_DENIED }, node)
  }
})

test('whoever has no certificate of this mesh is given nothing', { skip }, async () => {
  const { node, identity } = podOf('web', 'storefront')
  const roots = readFileSync(join(state(), 'pods', '190.credentials', 'roots.pem'))
  const root = testCertificate('another root')
  const leaf = testCertificate('proxy', [{ kind: 'uri', text: identity }], root)
  const selfMade = testCertificate('proxy', [{ kind: 'uri', text: identity }])
  const strangers: readonly [string, ChannelCredentials][] = [
    ['without TLS', credentials.createInsecure()],
    ['without a certificate', secure(roots, null, null)],
    ['with a certificate of another root', secure(roots, Buffer.from(leaf.key), Buffer.from(leaf.pem))],
    ['with a certificate of its own making', secure(roots, Buffer.from(selfMade.key), Buffer.from(selfMade.pem))],
  ]
  for (const [who, channel] of strangers) {
    const answer = await askForClusters(channel, node)
    const isRefused = typeof answer === 'object' && [status.UNAVAILABLE, status.UNAUTHENTICATED].includes(answer.code)
    assert.ok(isRefused, `A stranger ${who} was answered ${JSON.stringify(answer)}.`)
  }
})

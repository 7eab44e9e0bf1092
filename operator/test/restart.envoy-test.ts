/** What proxies do without their control plane, and what a control plane tells proxies that know everything already. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { bootstrap, credentialDescriptions, credentialFiles } from '@smi-mesh/dataplane/envoy'
import { DEFAULT_MESH_CONFIG, spiffeId } from '@smi-mesh/dataplane/mesh'
import { EnvoyProcess, envoyBinary } from '../../dataplane/src/envoy/testdata/envoy-process.ts'
import { type Answer, ask } from '../demo/shopper.ts'
import { Authority, controlPlaneIdentity, fileStores } from '../src/identity/index.ts'
import { freePort, SmictlProcess, until } from './smictl-process.ts'

const { trustDomain } = DEFAULT_MESH_CONFIG
const ENVOY = envoyBinary()
const PODS = [
  { name: 'client', subnet: 180 },
  { name: 'api-v1', subnet: 181 },
  { name: 'api-v2', subnet: 182 },
] as const
/** The Service `api`, as the client's proxy offers it. */
const API = new URL('http://127.180.1.1:8080/')
const CUSTOMERS = 4
const AWAY_MS = 4_000

function pod({ name, subnet }: (typeof PODS)[number]): string {
  const app = name === 'client' ? 'client' : 'api'
  return `apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: shop }
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: ${app}, version: ${name} } }
spec: { serviceAccountName: ${name}, containers: [{ name: app, ports: [{ containerPort: 8080 }] }] }
status: { phase: Running, podIP: 127.${subnet}.0.1 }
---
apiVersion: access.smi-spec.io/v1alpha4
kind: TrafficTarget
metadata: { name: to-${name}, namespace: shop }
spec:
  destination: { kind: ServiceAccount, name: ${name}, namespace: shop }
  sources: [{ kind: ServiceAccount, name: client, namespace: shop }]
  rules: [{ kind: HTTPRouteGroup, name: everything }]
---
`
}

function service(name: string, address: string, selector: string): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { clusterIP: ${address}, selector: { ${selector} }, ports: [{ name: http, port: 8080, appProtocol: http }] }
---
`
}

const WORLD = `apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { name: everything, namespace: shop }
spec: { matches: [{ name: everything, pathRegex: ".*" }] }
---
${PODS.map(pod).join('')}${service('api', '127.0.1.1', 'app: api')}${service('api-v1', '127.0.1.2', 'version: api-v1')}${service('api-v2', '127.0.1.3', 'version: api-v2')}`

function split(v1: number, v2: number): string {
  return `apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: canary, namespace: shop }
spec:
  service: api
  backends: [{ service: api-v1, weight: ${v1} }, { service: api-v2, weight: ${v2} }]
`
}

/** Customers on connections of their own that ask again as soon as they are answered. */
class Customers {
  readonly answers: Answer[] = []
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CUSTOMERS })
  readonly #all: readonly Promise<void>[]
  #over = false

  constructor(url: URL) {
    this.#all = Array.from({ length: CUSTOMERS }, () => this.#shop(url))
  }

  get failed(): readonly Answer[] {
    return this.answers.filter(({ status }) => status !== 200)
  }

  async end(): Promise<void> {
    this.#over = true
    await Promise.all(this.#all)
    this.#agent.destroy()
  }

  async #shop(url: URL): Promise<void> {
    while (!this.#over) this.answers.push(await ask(url, this.#agent))
  }
}

/** Certificates for the proxies' streams, of the authority in the state directory, before a control plane runs on it. */
async function credentials(state: string, folder: string): Promise<void> {
  const authority = await Authority.open({ trustDomain, store: fileStores(state).authority, now: Date.now })
  for (const { name } of PODS) {
    const files = credentialFiles(join(folder, name))
    const { certificate } = authority.issue(spiffeId(trustDomain, { namespace: 'shop', serviceAccount: name }))
    mkdirSync(files.folder, { mode: 0o700 })
    writeFileSync(files.certificate, certificate.chain)
    writeFileSync(files.privateKey, certificate.privateKey.reveal(), { mode: 0o600 })
    writeFileSync(files.roots, authority.bundle().roots.join(''))
    for (const [path, text] of credentialDescriptions(files)) writeFileSync(path, JSON.stringify(text))
  }
}

/** Answers with its version, in the header that customers read it from. */
async function startApplication(t: TestContext, name: string, host: string): Promise<void> {
  const path = name.replace('api-', 'checkout ')
  const server = createServer((_request, response) => response.writeHead(200, { 'x-shop-path': path }).end())
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  server.listen(8080, host)
  await once(server, 'listening')
}

function startProxy(t: TestContext, binary: string, folder: string, name: string, port: number): EnvoyProcess {
  const envoy = EnvoyProcess.start(binary, path =>
    bootstrap({
      nodeId: `${name}.shop`,
      nodeCluster: `shop/${name}`,
      admin: { kind: 'socket', path },
      xds: {
        address: '127.0.0.1',
        port,
        security: {
          kind: 'mtls',
          files: credentialFiles(join(folder, name)),
          server: controlPlaneIdentity(trustDomain),
        },
      },
    }),
  )
  t.after(() => envoy.stop())
  return envoy
}

interface Stand {
  readonly lagging: boolean
  readonly node: { readonly id: string }
}

async function debug<T>(port: number, what: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${port}/debug/${what}`)
  assert.equal(response.status, 200)
  return (await response.json()) as T
}

async function allStand(admin: number): Promise<boolean> {
  const proxies = await debug<readonly Stand[]>(admin, 'proxies')
  return proxies.length === PODS.length && proxies.every(({ lagging }) => !lagging)
}

test('a control plane that is killed is not missed, and tells nothing twice when it is back', async t => {
  if (ENVOY === undefined) return t.skip('There is no Envoy: run make setup.')
  const folder = mkdtempSync(join(tmpdir(), 'smi-mesh-restart-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [files, state] = [join(folder, 'files'), join(folder, 'state')]
  mkdirSync(files)
  mkdirSync(state, { mode: 0o700 })
  writeFileSync(join(files, 'world.yaml'), WORLD)
  writeFileSync(join(files, 'split.yaml'), split(100, 0))
  await credentials(state, folder)
  const [xds, admin] = [await freePort(), await freePort()]
  const serve = (): SmictlProcess => {
    const addresses = ['--xds-address', `127.0.0.1:${xds}`, '--admin-address', `127.0.0.1:${admin}`]
    const child = new SmictlProcess('serve', '--files', files, '--state-dir', state, ...addresses)
    t.after(() => child.end('SIGTERM'))
    return child
  }
  const first = serve()
  await first.says(/^xds=/m)
  for (const { name, subnet } of PODS) {
    await startApplication(t, name, `127.${subnet}.0.2`)
  }
  const proxies = PODS.map(({ name }) => startProxy(t, ENVOY, folder, name, xds))
  await Promise.all(proxies.map(proxy => proxy.ready()))
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  await until('the client is served', async () => (await ask(API, agent)).status === 200)
  await until('all proxies are up to date', () => allStand(admin))

  const customers = new Customers(API)
  t.after(() => customers.end())
  await until('there is traffic', () => customers.answers.length > 200)
  await first.end('SIGKILL')
  const [killedAt, before] = [performance.now(), customers.answers.length]
  await until('it is away for a while', () => performance.now() - killedAt > AWAY_MS)
  assert.ok(customers.answers.length - before > 200, 'Traffic goes on.')
  assert.deepEqual(customers.failed, [])

  const second = serve()
  await second.says(/^xds=/m)
  await until('all proxies are back and up to date', () => allStand(admin), 60_000)
  const told = await debug<Readonly<Record<string, number>>>(admin, 'counters')
  assert.equal(told['connected'], PODS.length)
  assert.deepEqual(
    { resources: told['resources'], removed: told['removed'], nacks: told['nacks'] },
    { resources: 0, removed: 0, nacks: 0 },
  )

  writeFileSync(join(files, 'split.yaml'), split(0, 100))
  await until('version 2 answers', () => customers.answers.at(-1)?.version === 'v2')
  await customers.end()
  assert.deepEqual(customers.failed, [])
  const changed = await debug<Readonly<Record<string, number>>>(admin, 'counters')
  assert.ok((changed['resources'] ?? 0) > 0)
  t.diagnostic(`${customers.answers.length} requests, 0 failed; ${JSON.stringify({ told, changed })}`)
})

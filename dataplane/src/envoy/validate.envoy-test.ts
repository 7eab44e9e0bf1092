/** Envoy's own opinion of what it would be sent, read from a file. */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type AccessRule, type Route, serviceKey, servicePortKey, type Workload } from '../mesh/index.ts'
import { type BootstrapOptions, bootstrap, credentialDescriptions, credentialFiles } from './bootstrap.ts'
import { deriveResources } from './resources.ts'
import { staticListeners } from './static-listeners.ts'
import { TestAuthority } from './testdata/certificates.ts'
import { envoyBinary, validate } from './testdata/envoy-process.ts'
import { staticConfig } from './testdata/static-config.ts'
import { temporaryFolder } from './testdata/temporary-folder.ts'
import { addPod, addService, allow, emptyWorld, identity, NAMESPACE, peer, plain } from './testdata/world.ts'
import { tokenDescriptions, tokenFiles } from './token.ts'

const binary = envoyBinary() ?? ''
const skip = binary === '' ? 'no Envoy binary: set ENVOY' : false
const authority = new TestAuthority()

const options: BootstrapOptions = {
  nodeId: 'pod.shop',
  nodeCluster: 'pod',
  admin: { kind: 'port', address: '127.0.0.1', port: 0 },
  xds: { address: '127.0.0.1', port: 15_010, security: { kind: 'plaintext' } },
}

/** Every protocol, every kind of address, peer, match, action and access. */
function everything(pod: { readonly subnet?: number }) {
  const world = emptyWorld()
  const derived = deriveResources(world.graph, world.mesh, world, { accessLog: 'all' })
  const protocols = { 8080: 'http', 8090: 'http2', 9000: 'tcp', 8070: 'auto' } as const
  const workload = addPod(world, { name: 'pod', ports: protocols, ...pod })
  const client = addPod(world, { name: 'client', ...(pod.subnet === undefined ? {} : { subnet: 9 }) })
  const address = (index: number) => (pod.subnet === undefined ? `10.96.0.${index}` : `127.0.1.${index}`)
  const at = (which: Workload, port: number) => peer(which, port, '10.0.0.7')
  const rules: AccessRule[] = [
    {
      name: 'traffictarget/shop/all/0',
      sources: [identity('client'), identity('other')],
      matches: [
        { kind: 'any' },
        {
          kind: 'http',
          path: { regex: '/api/v[0-9]+|/\\Qa+b', anchor: 'start' },
          methods: ['GET', 'M-SEARCH'],
          headers: [
            { name: 'host', value: { regex: 'web', anchor: 'full' } },
            { name: 'x-canary', value: { regex: '1', anchor: 'full' } },
          ],
        },
      ],
      from: [],
    },
  ]
  let index = 0
  for (const [port, protocol] of Object.entries(protocols)) {
    const number = Number(port)
    const routes: Route[] = [
      {
        match: { kind: 'http', path: { regex: '/beta', anchor: 'full' }, methods: 'any', headers: [] },
        action: { kind: 'refuse', status: 503, reason: 'every weight is zero' },
        from: [],
      },
      {
        match: { kind: 'any' },
        action: {
          kind: 'forward',
          backends: [
            { backend: servicePortKey(serviceKey(NAMESPACE, protocol), number), weight: 90 },
            { backend: servicePortKey(serviceKey(NAMESPACE, `plain-${protocol}`), number), weight: 10 },
          ],
        },
        from: [],
      },
    ]
    const common = { port: number, protocol }
    addService(world, {
      ...common,
      name: protocol,
      ips: [address(++index), address(++index)],
      routes,
      endpoints: [at(workload, number), plain('10.0.0.8', number)],
    })
    addService(world, {
      ...common,
      name: `plain-${protocol}`,
      ips: [address(++index)],
      endpoints: [plain('10.0.0.8', number)],
    })
    addService(world, { ...common, name: `headless-${protocol}`, endpoints: [at(workload, number)] })
    addService(world, {
      ...common,
      name: `closed-${protocol}`,
      ips: [address(++index)],
      exposure: 'restricted',
      endpoints: [at(workload, number)],
    })
    const mode = protocol === 'http2' ? 'audit' : 'enforce'
    allow(world, workload, number, { rules, mode, unidentified: protocol === 'auto' ? 'allow' : 'deny' })
  }
  world.reach.set(client.identity, { identity: client.identity, services: [serviceKey(NAMESPACE, 'closed-tcp')] })
  world.certificates.set(workload.identity, authority.issue(workload.identity))
  world.certificates.set(client.identity, authority.issue(client.identity))
  world.bundle.set('bundle', authority.bundle('cluster.local'))
  const { failures } = world.graph.settle()
  assert.deepEqual(failures, [])
  return { derived, workload, client }
}

for (const [name, pod] of [
  ['redirected', {}],
  ['loopback', { subnet: 8 }],
] as const) {
  describe(`Envoy accepts what a ${name} proxy holds`, { skip }, () => {
    const { derived, workload, client } = everything(pod)
    for (const proxy of [workload, client]) {
      test(`as ${proxy.owner.name}`, () => {
        assert.equal(validate(binary, staticConfig(derived, proxy.key, bootstrap(options))), '')
      })
    }
  })
}

describe('Envoy accepts the bootstrap', { skip }, () => {
  test('with mutual TLS, a host name and an admin socket', () => {
    const folder = temporaryFolder()
    const files = credentialFiles(folder)
    const certificate = authority.issue(identity('pod'))
    writeFileSync(files.certificate, certificate.chain)
    writeFileSync(files.privateKey, certificate.privateKey.reveal())
    writeFileSync(files.roots, authority.bundle('cluster.local').roots.join('\n'))
    for (const [path, content] of credentialDescriptions(files)) writeFileSync(path, JSON.stringify(content))
    const config = bootstrap({
      ...options,
      admin: { kind: 'socket', path: join(folder, 'admin.sock') },
      xds: { address: 'localhost', port: 15_010, security: { kind: 'mtls', files, server: identity('control-plane') } },
    })
    assert.equal(validate(binary, config), '')
  })

  test('and refuses one that is wrong, so this test can fail', () => {
    assert.match(validate(binary, { node: { id: 1, nonsense: true } }), /nonsense/)
  })
})

test('a sidecar of a cluster, with probes of every kind', { skip }, () => {
  const folder = temporaryFolder()
  const files = tokenFiles(folder, folder)
  for (const [path, content] of tokenDescriptions(files)) writeFileSync(path, JSON.stringify(content))
  writeFileSync(files.token, 'a.b.c')
  writeFileSync(files.roots, authority.bundle('cluster.local').roots.join(''))
  const probe = (path: string) => ({ path, port: 8080, timeoutS: 1 })
  const statics = staticListeners({
    adminSocket: join(folder, 'admin.sock'),
    podIp: 'fd00::7',
    hasIpv6: true,
    probes: [
      { ...probe('/probe/web/liveness'), kind: 'http', scheme: 'HTTPS', target: '/healthz?full=1' },
      { ...probe('/probe/web/preStop'), kind: 'http', scheme: 'HTTP', target: '/bye' },
      { ...probe('/probe/web/readiness'), kind: 'tcp', periodS: 10 },
      { ...probe('/probe/web/startup'), kind: 'grpc', periodS: 1, service: 'shop.Web' },
    ],
  })
  const security = { kind: 'token', files, server: identity('control-plane') } as const
  const xds = { address: 'smi-mesh.smi-mesh.svc', port: 15_010, security }
  assert.equal(validate(binary, bootstrap({ ...options, xds, begin: 'told', statics })), '')
})

/**
 * What every golden case sends, as real Envoys see it over real delta ADS: each proxy in a network namespace of its own, so
 * that the listeners are the very ones a user gets, and each must hold what it was sent, with nothing refused or waiting.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ServerCredentials } from '@grpc/grpc-js'
import { bootstrap } from '@smi-mesh/dataplane/envoy'
import { type EnvoyResource, type GroupKey, podKey, TypeUrl, type WorkloadKey } from '@smi-mesh/dataplane/mesh'
import { type JsonValue, messageBytes, messageJson } from '@smi-mesh/dataplane/proto'
import { Catalog, XdsServer } from '@smi-mesh/dataplane/xds'
import { parseAllDocuments } from 'yaml'
import { TestAuthority } from '../../dataplane/src/envoy/testdata/certificates.ts'
import { EnvoyProcess, envoyBinary, until } from '../../dataplane/src/envoy/testdata/envoy-process.ts'
import { temporaryFolder } from '../../dataplane/src/envoy/testdata/temporary-folder.ts'
import { translated } from '../src/golden.ts'
import { identityOf } from '../src/identity/testdata/rig.ts'

const CASES = join(import.meta.dirname, '../testdata/translate')
const IN_A_NAMESPACE = ['-rn', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"']
const AT_A_TIME = 4

const binary = envoyBinary() ?? ''
const namespaces = spawnSync('unshare', [...IN_A_NAMESPACE, 'true']).status === 0
const skip =
  binary === ''
    ? 'no Envoy binary: set ENVOY'
    : namespaces
      ? false
      : 'NOT PROVED HERE: proxies listen on fixed ports of their pod, and this machine allows no network namespaces (unshare -rn)'

interface Proxy {
  readonly name: string
  readonly scope: WorkloadKey
  readonly resources: readonly EnvoyResource[]
}

function documents(file: string): readonly unknown[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).flatMap(document => document.toJS() ?? [])
}

/** One proxy for each workload of each case. */
function proxies(secrets: readonly EnvoyResource[]): readonly Proxy[] {
  const scene = documents(join(CASES, 'scene.yaml'))
  const cases = readdirSync(CASES, { withFileTypes: true }).filter(entry => entry.isDirectory())
  return cases.flatMap(({ name }) => {
    const translation = translated(scene, documents(join(CASES, name, 'in.yaml')))
    return [...translation.mesh.workloads.keys()].sort().map((workload): Proxy => {
      const scope = `${name} ${workload}` as WorkloadKey
      const group = scope as string as GroupKey
      const resources = [...translation.resources(workload), ...secrets].map(one => ({ ...one, group }))
      return { name: `${name}: ${workload}`, scope, resources }
    })
  })
}

function secretResources(): readonly EnvoyResource[] {
  const authority = new TestAuthority()
  const { chain, privateKey } = authority.issue(identityOf('any'))
  const [roots = ''] = authority.bundle('cluster.local').roots
  const secret = (name: string, content: { [kind: string]: JsonValue }): EnvoyResource => {
    const value = messageBytes(TypeUrl.secret, { name, ...content })
    return { group: 'all' as GroupKey, type: TypeUrl.secret, name, value, from: [] }
  }
  return [
    secret('identity', {
      tls_certificate: {
        certificate_chain: { inline_string: chain },
        private_key: { inline_string: privateKey.reveal() },
      },
    }),
    secret('trust-bundle', { validation_context: { trusted_ca: { inline_string: roots } } }),
  ]
}

/** Envoy asks for routes, endpoints and secrets only as far as something it holds names them. */
function asked(resources: readonly EnvoyResource[]): Readonly<Record<string, readonly string[]>> {
  const of = (type: TypeUrl) => resources.filter(one => one.type === type)
  const all = [...of(TypeUrl.cluster), ...of(TypeUrl.listener)].map(one => messageJson(one.type, one.value))
  const named = (key: string) => new Set(all.flatMap(json => [...textsAt(key, json)]))
  const assignments = of(TypeUrl.cluster).map(
    one => textsAt('service_name', messageJson(one.type, one.value))[0] ?? one.name,
  )
  return {
    clusters: of(TypeUrl.cluster)
      .map(one => one.name)
      .sort(),
    listeners: of(TypeUrl.listener)
      .map(one => one.name)
      .sort(),
    routes: [...named('route_config_name')].sort(),
    secrets: all.some(json => JSON.stringify(json).includes('sds_config')) ? ['identity', 'trust-bundle'] : [],
    endpoints: [...new Set(assignments)].sort(),
  }
}

function textsAt(key: string, json: JsonValue | undefined): readonly string[] {
  if (typeof json !== 'object' || json === null) return []
  return Object.entries(json).flatMap(([at, inner]) =>
    at === key && typeof inner === 'string' ? [inner] : textsAt(key, inner as JsonValue),
  )
}

interface Dumped {
  readonly name?: string
  readonly cluster?: { readonly name: string }
  readonly route_config?: { readonly name: string }
  readonly endpoint_config?: { readonly cluster_name: string }
  readonly active_state?: unknown
  readonly warming_state?: unknown
  readonly error_state?: unknown
}

/** What an Envoy holds in use, and what it has but cannot use. */
async function held(envoy: EnvoyProcess) {
  const { body } = await envoy.admin('/config_dump?include_eds')
  const { configs }: { configs: readonly { readonly [part: string]: readonly Dumped[] | undefined }[] } =
    JSON.parse(body)
  const part = (name: string) => configs.flatMap(config => (Array.isArray(config[name]) ? config[name] : []))
  const listeners = part('dynamic_listeners')
  const names = (found: readonly (string | undefined)[]) => found.flatMap(name => name ?? []).toSorted()
  return {
    clusters: names(part('dynamic_active_clusters').map(one => one.cluster?.name)),
    listeners: names(listeners.flatMap(one => (one.active_state === undefined ? [] : one.name))),
    routes: names(part('dynamic_route_configs').map(one => one.route_config?.name)),
    secrets: names([...new Set(part('dynamic_active_secrets').map(one => one.name))]),
    endpoints: names([...new Set(part('dynamic_endpoint_configs').map(one => one.endpoint_config?.cluster_name))]),
    waiting: [
      ...part('dynamic_warming_clusters'),
      ...part('dynamic_warming_secrets'),
      ...listeners.filter(one => one.warming_state !== undefined || one.error_state !== undefined),
    ],
  }
}

describe('what golden cases send', { skip, timeout: 200_000 }, () => {
  const found = skip === false ? proxies(secretResources()) : []
  const folder = temporaryFolder()
  const socket = join(folder, 'xds.sock')
  const wrapper = join(folder, 'envoy-in-a-namespace')
  const catalog = new Catalog()
  const complaints: string[] = []
  const server = new XdsServer({
    catalog,
    admit: (_peer, { id }) => {
      const scope = found[Number(id)]?.scope
      return scope === undefined
        ? { kind: 'refused', reason: `No proxy ${id}.` }
        : { kind: 'admitted', scope, pod: podKey('golden', id) }
    },
    rejected: rejection => complaints.push(JSON.stringify(rejection)),
    refused: reason => complaints.push(reason),
    failed: error => complaints.push(String(error)),
  })

  before(async () => {
    const quoted = [...IN_A_NAMESPACE, binary].map(word => `'${word}'`).join(' ')
    writeFileSync(wrapper, `#!/bin/sh\nexec unshare ${quoted} "$@"\n`)
    chmodSync(wrapper, 0o755)
    const scopes = found.map(({ scope }) => [scope, [scope as string as GroupKey]] as const)
    catalog.commit({ put: found.flatMap(({ resources }) => resources), remove: [], scopes })
    await server.listen(`unix:${socket}`, ServerCredentials.createInsecure())
  })

  after(() => server.stop())

  /** The bootstrap of a sidecar, but for the way out of its namespace. */
  function configure(at: number, path: string): JsonValue {
    const xds = { address: '127.0.0.1', port: 15_010, security: { kind: 'plaintext' } } as const
    const config = bootstrap({ nodeId: String(at), nodeCluster: 'golden', admin: { kind: 'socket', path }, xds })
    const address = JSON.stringify({ socket_address: { address: xds.address, port_value: xds.port } })
    return JSON.parse(JSON.stringify(config).replace(address, JSON.stringify({ pipe: { path: socket } })))
  }

  describe('is held by real Envoys, and nothing else', { concurrency: AT_A_TIME }, () => {
    for (const [at, { name, resources }] of found.entries()) {
      test(name, async () => {
        const envoy = EnvoyProcess.start(wrapper, path => configure(at, path))
        try {
          const expected = { ...asked(resources), waiting: [] }
          const isHeld = async () => JSON.stringify(await held(envoy)) === JSON.stringify(expected)
          await until('everything is held', isHeld).catch(async () => assert.deepEqual(await held(envoy), expected))
          await envoy.ready()
          const mine = () => server.proxies().find(({ node }) => node.id === String(at))
          await until('everything is acknowledged', async () => mine()?.lagging === false)
          assert.deepEqual(
            mine()?.types.flatMap(type => type.rejections),
            [],
          )
        } finally {
          await envoy.stop()
        }
      })
    }
  })

  test('and no version was refused', () => {
    assert.ok(server.counters().acks > found.length)
    assert.equal(server.counters().nacks, 0)
    assert.deepEqual(complaints, [])
  })
})

/** decide() on a mesh written by hand: what it looks at, and what it says of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Graph, type Table } from '../derive/index.ts'
import { type Call, decide, type MeshRequest, type Verdict } from './decide.ts'
import type { Endpoint } from './endpoints.ts'
import { spiffeId } from './identity.ts'
import {
  ip,
  type Port,
  podKey,
  type ServicePortKey,
  serviceKey,
  servicePortKey,
  workloadKey,
  workloadPortKey,
} from './keys.ts'
import { DEFAULT_MESH_CONFIG, type Mesh, type MeshConfig } from './mesh.ts'
import type { Protocol, Route } from './service.ts'
import { hostsOf } from './service-host.ts'
import type { Access } from './workload.ts'

const WEB = serviceKey('shop', 'web')
const WEB_80 = servicePortKey(WEB, 80)
const V2_80 = servicePortKey(serviceKey('shop', 'v2'), 80)
const ALICE = spiffeId('cluster.local', { namespace: 'shop', serviceAccount: 'alice' })
const BOB = spiffeId('cluster.local', { namespace: 'shop', serviceAccount: 'bob' })
const POD = workloadKey('shop', 'web~1')
const TARGET = { kind: 'TrafficTarget', namespace: 'shop', name: 'tt' }
const SPLIT = { kind: 'TrafficSplit', namespace: 'shop', name: 'split' }
const GET: Call = { kind: 'http', method: 'GET', path: '/api', headers: {} }

const endpoint = (pod: string, port: Port, meshed = true): Endpoint => ({
  ip: ip('10.0.0.1'),
  port,
  pod,
  peer: meshed ? { kind: 'mesh', identity: BOB } : { kind: 'plain' },
  owner: { kind: 'Deployment', namespace: 'shop', name: 'web' },
  zone: '',
})

const toItself: Route = {
  match: { kind: 'any' },
  action: { kind: 'forward', backends: [{ backend: WEB_80, weight: 1 }] },
  from: [],
}
const byApi: Access['rules'] = [
  {
    name: 'traffictarget/shop/tt/api',
    sources: [ALICE],
    matches: [{ kind: 'http', path: { regex: '/api', anchor: 'start' }, methods: ['GET'], headers: [] }],
    from: [TARGET],
  },
]

interface World {
  readonly config?: Partial<MeshConfig>
  readonly routes?: readonly Route[]
  readonly access?: Partial<Access>
  readonly protocol?: Protocol
  readonly endpoints?: readonly (readonly [ServicePortKey, readonly Endpoint[]])[]
}

function table<K, V>(graph: Graph, name: string, entries: readonly (readonly [K, V])[]): Table<K, V> {
  const source = graph.source<K, V>(name)
  for (const [key, value] of entries) source.set(key, value)
  return source
}

/** Service web on port 80, one meshed pod at 8080 which shop/alice may GET /api from. */
function mesh({
  config = {},
  routes = [toItself],
  access = {},
  protocol = 'http',
  endpoints = [[WEB_80, [endpoint('web-1', 8080)]]],
}: World = {}): Mesh {
  const graph = new Graph()
  const at = workloadPortKey(POD, 8080)
  const service = {
    key: WEB,
    hosts: hostsOf(WEB, 'cluster.local'),
    address: { kind: 'headless' },
    ports: [{ port: 80, name: 'http', protocol }],
    identities: [BOB],
    from: [],
  } as const
  const owner = { kind: 'Deployment', namespace: 'shop', name: 'web' }
  const workload = {
    key: POD,
    identity: BOB,
    owner,
    capture: { kind: 'redirect' },
    inbound: [{ port: 8080, protocol }],
    from: [],
  } as const
  return {
    config: { ...DEFAULT_MESH_CONFIG, ...config },
    services: table(graph, 'services', [[WEB, service]]),
    routes: table(graph, 'routes', [[WEB_80, { key: WEB_80, routes }]]),
    endpoints: table(
      graph,
      'endpoints',
      endpoints.map(([key, endpoints]) => [key, { key, endpoints }] as const),
    ),
    exposure: table(graph, 'exposure', []),
    workloads: table(graph, 'workloads', [[POD, workload]]),
    access: table(graph, 'access', [[at, { key: at, mode: 'enforce', unidentified: 'deny', rules: byApi, ...access }]]),
    reach: table(graph, 'reach', []),
    pods: table(graph, 'pods', [[podKey('shop', 'web-1'), POD]]),
  }
}

function ask(world: World, call: Call = GET, more: Partial<MeshRequest> = {}) {
  return decide(mesh(world), { source: ALICE, destination: { kind: 'service', service: WEB_80 }, call, ...more })
}

function verdict(world: World, call: Call = GET, more: Partial<MeshRequest> = {}): Verdict | undefined {
  const decision = ask(world, call, more)
  return decision.kind === 'routed' ? decision.backends[0]?.servers[0]?.verdict : undefined
}

test('the rule that lets a request in is named', () => {
  assert.deepEqual(verdict({}), {
    kind: 'rule',
    allowed: true,
    rule: 'traffictarget/shop/tt/api',
    mode: 'enforce',
    from: [TARGET],
  })
})

test('where no rule fits, the mode decides', () => {
  const post: Call = { ...GET, method: 'POST' }
  assert.deepEqual(verdict({}, post), { kind: 'no-rule', allowed: false, mode: 'enforce' })
  assert.deepEqual(verdict({ access: { mode: 'audit' } }, post), { kind: 'mode', allowed: true, mode: 'audit' })
  assert.deepEqual(verdict({}, GET, { source: BOB }), { kind: 'no-rule', allowed: false, mode: 'enforce' })
})

test('of bytes no HTTP rule can be proven', () => {
  assert.equal(verdict({ protocol: 'auto' }, { kind: 'tcp' })?.allowed, false)
  assert.equal(verdict({ protocol: 'tcp' })?.allowed, false)
  const any = byApi.map(rule => ({ ...rule, matches: [{ kind: 'any' } as const] }))
  assert.equal(verdict({ protocol: 'tcp', access: { rules: any } })?.allowed, true)
})

test('callers without an identity are judged by their own switch and reach the plain Service', () => {
  const routes: readonly Route[] = [
    { match: { kind: 'any' }, action: { kind: 'refuse', status: 503, reason: 'x' }, from: [SPLIT] },
  ]
  assert.deepEqual(verdict({ routes }, GET, { source: 'unidentified' }), {
    kind: 'unidentified',
    allowed: false,
    mode: 'enforce',
  })
  assert.equal(verdict({ access: { unidentified: 'allow' } }, GET, { source: 'unidentified' })?.allowed, true)
})

test('a path with an escaped slash is let in nowhere', () => {
  assert.deepEqual(verdict({}, { ...GET, path: '/api%2Fx' }), { kind: 'escaped-slash', allowed: false })
})

test('what the proxies answer themselves is decided by nobody, and where bytes are spoken no proxy reads a path', () => {
  const bad = { kind: 'unknown', reason: 'bad-path' } as const
  assert.deepEqual(ask({}, { ...GET, path: '/api#x' }), bad)
  assert.deepEqual(ask({}, { ...GET, method: 'OPTIONS', path: '*' }), bad)
  assert.deepEqual(ask({}, { ...GET, method: 'CONNECT' }), bad)
  const any = byApi.map(rule => ({ ...rule, matches: [{ kind: 'any' } as const] }))
  assert.equal(verdict({ protocol: 'tcp', access: { rules: any } }, { ...GET, path: '/api#x' })?.kind, 'rule')
})

test('bytes at a port of HTTP are answered by the proxy, whatever the rules say', () => {
  const any = byApi.map(rule => ({ ...rule, matches: [{ kind: 'any' } as const] }))
  for (const protocol of ['http', 'http2'] as const) {
    const world = { protocol, access: { rules: any } }
    const refused = { kind: 'unknown', reason: 'no-http' } as const
    assert.deepEqual(ask(world, { kind: 'tcp' }), refused)
    const destination = { kind: 'workload', port: workloadPortKey(POD, 8080) } as const
    assert.deepEqual(ask(world, { kind: 'tcp' }, { destination }), refused)
  }
  assert.equal(verdict({ protocol: 'auto', access: { rules: any } }, { kind: 'tcp' })?.allowed, true)
})

test('a mesh may be set to let escaped slashes pass, and then the path is judged as it stands', () => {
  const config = { escapedSlashes: 'keep' } as const
  assert.equal(verdict({ config }, { ...GET, path: '/api%2Fx' })?.kind, 'rule')
  assert.equal(verdict({ config }, { ...GET, path: '/x/..%2Fapi' })?.kind, 'no-rule')
})

test('a header in several lines is one value, of which a fitting part says nothing', () => {
  const role = (regex: string) => [{ name: 'x-role', value: { regex, anchor: 'full' } } as const]
  const asking = (regex: string) => ({
    access: {
      rules: byApi.map(rule => ({
        ...rule,
        matches: [{ kind: 'http', path: 'any', methods: 'any', headers: role(regex) } as const],
      })),
    },
  })
  const sent = (...values: string[]): Call => ({ ...GET, headers: { 'X-Role': values } })
  assert.equal(verdict(asking('admin'), sent('admin'))?.allowed, true)
  assert.equal(verdict(asking('admin'), sent('admin', 'guest'))?.allowed, false)
  assert.equal(verdict(asking('admin'), sent('guest', 'admin'))?.allowed, false)
  assert.equal(verdict(asking('admin,guest'), sent('admin', 'guest'))?.allowed, true)
  assert.equal(verdict(asking('a,b'), { ...GET, headers: { 'x-role': 'a', 'X-ROLE': 'b' } })?.allowed, true)
})

test('the first route that fits is taken, with shares and authors', () => {
  const action = {
    kind: 'forward',
    backends: [
      { backend: WEB_80, weight: 3 },
      { backend: V2_80, weight: 1 },
    ],
  } as const
  const beta = {
    kind: 'http',
    path: 'any',
    methods: 'any',
    headers: [{ name: 'x-beta', value: { regex: '1', anchor: 'full' } }],
  } as const
  const routes: readonly Route[] = [{ match: beta, action, from: [SPLIT] }, toItself]
  const decision = ask({ routes }, { ...GET, headers: { 'X-Beta': '1' } })
  assert.ok(decision.kind === 'routed')
  assert.deepEqual(
    decision.backends.map(({ backend, share, allowed }) => [backend, share, allowed]),
    [
      [WEB_80, 0.75, 'yes'],
      [V2_80, 0.25, 'nobody-there'],
    ],
  )
  assert.deepEqual(decision.from, [SPLIT, TARGET])
  const other = ask({ routes })
  assert.deepEqual(other.kind === 'routed' && other.backends.map(({ share }) => share), [1])
})

test('a route that refuses says how', () => {
  const routes: readonly Route[] = [
    {
      match: { kind: 'any' },
      action: { kind: 'refuse', status: 503, reason: 'all weights of TrafficSplit shop/canary are 0' },
      from: [SPLIT],
    },
  ]
  const decision = ask({ routes })
  assert.deepEqual(decision.kind === 'refused' && [decision.status, decision.reason], [
    503,
    'all weights of TrafficSplit shop/canary are 0',
  ])
})

test('endpoints outside the mesh ask nobody', () => {
  const made = { endpoints: [[WEB_80, [endpoint('plain', 8080, false), endpoint('web-1', 8080)]]] } as const
  const decision = ask(made, GET, { source: BOB })
  assert.deepEqual(decision.kind === 'routed' && decision.backends[0]?.allowed, 'some')
  assert.deepEqual(verdict(made, GET, { source: BOB }), { kind: 'outside', allowed: true })
})

test('a port that a workload does not listen on lets nobody in', () => {
  assert.deepEqual(verdict({ endpoints: [[WEB_80, [endpoint('web-1', 9999)]]] }), { kind: 'no-port', allowed: false })
})

test('a destination may be a name, as the caller would say it', () => {
  for (const host of ['web', 'web.shop', 'web.shop.svc.cluster.local.']) {
    assert.equal(ask({}, GET, { destination: { kind: 'host', host, port: 80 } }).kind, 'routed', host)
  }
  assert.deepEqual(ask({}, GET, { destination: { kind: 'host', host: 'gone', port: 80 } }), {
    kind: 'unknown',
    reason: 'no-such-service',
  })
  assert.deepEqual(ask({}, GET, { destination: { kind: 'host', host: 'web', port: 81 } }), {
    kind: 'unknown',
    reason: 'no-such-port',
  })
})

test('a destination may be one port of a workload, which is judged alone', () => {
  const judged = ask({}, GET, { destination: { kind: 'workload', port: workloadPortKey(POD, 8080) } })
  assert.equal(judged.kind === 'judged' && judged.verdict.allowed, true)
  assert.deepEqual(ask({}, GET, { destination: { kind: 'workload', port: workloadPortKey(POD, 1) } }), {
    kind: 'unknown',
    reason: 'no-such-workload',
  })
})

test('a target that is no path is nobody to route', () => {
  assert.deepEqual(ask({}, { ...GET, path: 'no-slash' }), { kind: 'unknown', reason: 'bad-path' })
})

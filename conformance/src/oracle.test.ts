import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { plainPath } from './oracle/path.ts'
import { regexFits } from './oracle/regex.ts'
import { outcomes } from './oracle/visible.ts'
import { oracle } from './oracle.ts'
import { type Call, DEFAULT_WORLD_CONFIG, type HttpCall, nameText, type RawObject, type Request } from './world.ts'
import { namespaceObject, podObject, serviceObject, smiObject } from './worlds/objects.ts'

const ns = (name: string) => ({ namespace: 'default', name })
const ports = { main: 8080, bytes: 9000 }

/** The cast of the examples: website in two versions, api behind it, and those who call. */
const scenery: readonly RawObject[] = [
  namespaceObject('default'),
  podObject(ns('client'), { account: 'client', subnet: 1 }),
  podObject(ns('prometheus'), { account: 'prometheus', subnet: 2 }),
  podObject(ns('website-v1'), { account: 'website', subnet: 3, labels: { app: 'website', v: '1' }, ports }),
  podObject(ns('website-v2'), { account: 'website', subnet: 4, labels: { app: 'website', v: '2' }, ports }),
  serviceObject(ns('website'), '127.0.1.1', { app: 'website' }, [
    { port: 80, targetPort: 'main', name: 'http' },
    { port: 9000, name: 'tcp' },
  ]),
  serviceObject(ns('website-v1'), '127.0.1.2', { app: 'website', v: '1' }, [
    { port: 80, targetPort: 8080, name: 'http' },
    { port: 9000, name: 'tcp' },
  ]),
  serviceObject(ns('website-v2'), '127.0.1.3', { app: 'website', v: '2' }, [
    { port: 80, targetPort: 8080, name: 'http' },
  ]),
]

const permissive = namespaceObject('default', { 'smi-mesh.dev/access': 'permissive' })

function get(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): HttpCall {
  return { kind: 'http', method, path, headers: Object.entries(headers) }
}

function request(caller: string, call: Call, service = 'website', port = 80): Request {
  return {
    caller: caller === '' ? { kind: 'stranger' } : { kind: 'pod', pod: ns(caller) },
    target: { kind: 'service', service: ns(service), port },
    call,
  }
}

/** Objects of the same kind and name replace those of the scenery. */
function world(...objects: readonly RawObject[]) {
  const id = (object: RawObject) => JSON.stringify([object['kind'], Object(object['metadata'])['name']])
  const all = new Map([...scenery, ...objects].map(object => [id(object), object]))
  return { config: DEFAULT_WORLD_CONFIG, objects: [...all.values()] }
}

function sharesOf(objects: readonly RawObject[], call: Call = get('/'), caller = 'client', port = 80) {
  const answer = oracle(world(permissive, ...objects), request(caller, call, 'website', port))
  if (answer?.kind !== 'routed') return answer?.kind
  return Object.fromEntries(answer.backends.map(({ service, share }) => [service.name, share]))
}

function may(objects: readonly RawObject[], caller: string, call: Call, port = 80): boolean {
  const answer = oracle(world(...objects), request(caller, call, 'website', port))
  return answer?.kind === 'routed' && answer.backends.every(({ pods }) => pods.every(pod => pod.verdict === 'allows'))
}

const split = (
  backends: Readonly<Record<string, unknown>>,
  extra: RawObject = {},
  version = 'v1alpha4',
  name = 'canary',
) =>
  smiObject('TrafficSplit', version, ns(name), {
    spec: {
      service: 'website',
      backends: Object.entries(backends).map(([service, weight]) => ({ service, weight })),
      ...extra,
    },
  })

describe('TrafficSplit', () => {
  test('weights are relative: 1000 to 500 is 67 to 33', () => {
    assert.deepEqual(sharesOf([split({ 'website-v1': 1000, 'website-v2': 500 })]), {
      'website-v1': 2 / 3,
      'website-v2': 1 / 3,
    })
  })

  test('quantities of v1alpha1 keep their ratio: 1 to 500m is 67 to 33', () => {
    const old = split({ 'website-v1': '1', 'website-v2': '500m' }, {}, 'v1alpha1')
    assert.deepEqual(sharesOf([old]), { 'website-v1': 2 / 3, 'website-v2': 1 / 3 })
  })

  test('a backend without the port of the apex receives no traffic on that port', () => {
    const both = split({ 'website-v1': 1, 'website-v2': 1 })
    assert.deepEqual(sharesOf([both], { kind: 'tcp' }, 'client', 9000), { 'website-v1': 1 })
  })

  test('a backend that does not exist leaves its share to the others', () => {
    assert.deepEqual(sharesOf([split({ 'website-v1': 1, gone: 99 })]), { 'website-v1': 1 })
  })

  test('a split with no backend left is as if it did not exist', () => {
    assert.deepEqual(sharesOf([split({ gone: 1 })]), { website: 1 })
  })

  test('a split whose only weights are on backends that do not exist is as if it did not exist', () => {
    assert.deepEqual(sharesOf([split({ 'website-v1': 0, gone: 1 })]), { website: 1 })
  })

  test('weights that are all zero mean that nobody answers', () => {
    assert.equal(sharesOf([split({ 'website-v1': 0, 'website-v2': 0 })]), 'refused')
  })

  test('the apex as its own backend means its own endpoints', () => {
    assert.deepEqual(sharesOf([split({ website: 3, 'website-v2': 1 })]), { website: 0.75, 'website-v2': 0.25 })
  })

  test('a backend that is itself split is not split again', () => {
    const second = smiObject('TrafficSplit', 'v1alpha4', ns('second'), {
      spec: { service: 'website-v1', backends: [{ service: 'website-v2', weight: 1 }] },
    })
    assert.deepEqual(sharesOf([split({ 'website-v1': 1 }), second]), { 'website-v1': 1 })
  })

  test('a backend where nobody is ready is skipped while others are', () => {
    const unready = podObject(ns('website-v2'), {
      account: 'website',
      subnet: 4,
      labels: { app: 'website', v: '2' },
      ready: false,
    })
    assert.deepEqual(sharesOf([unready, split({ 'website-v1': 1, 'website-v2': 1 })]), { 'website-v1': 1 })
  })

  test('requests that do not fit the matches are handled by the service itself', () => {
    const group = smiObject('HTTPRouteGroup', 'v1alpha4', ns('ab'), {
      matches: [{ name: 'firefox-users', headers: { 'user-agent': '.*Firefox.*' } }], // as the text writes it
    })
    const ab = split({ 'website-v1': 0, 'website-v2': 100 }, { matches: [{ kind: 'HTTPRouteGroup', name: 'ab' }] })
    assert.deepEqual(sharesOf([group, ab], get('/', { 'User-Agent': 'x Firefox y' })), { 'website-v2': 1 })
    assert.deepEqual(sharesOf([group, ab], get('/', { 'User-Agent': 'Chrome' })), { website: 1 })
  })

  test('of two splits of one apex the oldest wins', () => {
    const body = (to: string) => ({ spec: { service: 'website', backends: [{ service: to, weight: 1 }] } })
    const young = smiObject('TrafficSplit', 'v1alpha4', ns('a'), body('website-v2'), '2026-01-02T00:00:00Z')
    const old = smiObject('TrafficSplit', 'v1alpha4', ns('b'), body('website-v1'), '2026-01-01T00:00:00Z')
    assert.deepEqual(sharesOf([young, old]), { 'website-v1': 1 })
  })

  test('a client without a sidecar gets the plain service', () => {
    assert.deepEqual(sharesOf([split({ 'website-v2': 1 })], get('/'), ''), { website: 1 })
  })
})

const routes = smiObject('HTTPRouteGroup', 'v1alpha4', ns('api'), {
  spec: {
    matches: [
      { name: 'api', pathRegex: '/api', methods: ['*'] },
      { name: 'metrics', pathRegex: '/metrics', methods: ['GET'] },
      { name: 'insiders', headers: [{ cookie: '^(.*?;)?(type=insider)(;.*)?$' }, { 'x-canary': '1' }] },
    ],
  },
})
const tcp = (name: string, ...numbers: number[]) =>
  smiObject('TCPRoute', 'v1alpha4', ns(name), { spec: { matches: { ports: numbers } } })

const target = (source: string, ...rules: RawObject[]) =>
  smiObject('TrafficTarget', 'v1alpha3', ns(`from-${source}`), {
    spec: {
      destination: { kind: 'ServiceAccount', name: 'website' },
      sources: [{ kind: 'ServiceAccount', name: source, namespace: 'default' }],
      rules,
    },
  })
const http = (...matches: string[]) => ({
  kind: 'HTTPRouteGroup',
  name: 'api',
  ...(matches.length > 0 ? { matches } : {}),
})
const byPort = (name: string) => ({ kind: 'TCPRoute', name })

describe('TrafficTarget', () => {
  test('the truth table of the L7 example', () => {
    const given = [routes, target('client', http('api')), target('prometheus', http('metrics'))]
    assert.equal(may(given, 'client', get('/api', {}, 'DELETE')), true)
    assert.equal(may(given, 'client', get('/metrics')), false)
    assert.equal(may(given, 'prometheus', get('/metrics')), true)
    assert.equal(may(given, 'prometheus', get('/metrics', {}, 'POST')), false)
    assert.equal(may(given, 'prometheus', get('/api')), false)
    assert.equal(may(given, '', get('/api')), false)
  })

  test('with no TrafficTarget at all, everything is denied', () => {
    assert.equal(may([], 'client', get('/')), false)
  })

  test('a path is anchored at its beginning alone, without the query', () => {
    const given = [routes, target('client', http('api'))]
    assert.equal(may(given, 'client', get('/api/v1?x=1')), true)
    assert.equal(may(given, 'client', get('/apis')), true)
    assert.equal(may(given, 'client', get('/v1/api')), false)
    assert.equal(may(given, 'client', get('/?/api')), false)
  })

  test('a path in disguise is judged as what it is', () => {
    const given = [routes, target('client', http('api'))]
    assert.equal(may(given, 'client', get('/public/%2e%2e/api')), true)
    assert.equal(may(given, 'client', get('/api/../secret')), false)
  })

  test('a path that hides a slash is no path to judge', () => {
    const answer = oracle(world(permissive), request('client', get('/a%2F..%5Cb')))
    assert.deepEqual(answer && [...outcomes(answer, get('/'))], ['400'])
  })

  test('what asks for no path is nothing that a route speaks of', () => {
    for (const asked of [get('*', {}, 'OPTIONS'), get('web:443', {}, 'CONNECT'), get('/api', {}, 'CONNECT')]) {
      const answer = oracle(world(permissive), request('client', asked))
      assert.deepEqual(answer && [...outcomes(answer, asked)], ['404'])
    }
  })

  test('all headers of a route must fit, each in full; one that is absent does not', () => {
    const given = [routes, target('client', http('insiders'))]
    assert.equal(may(given, 'client', get('/', { Cookie: 'a=b;type=insider', 'X-Canary': '1' })), true)
    assert.equal(may(given, 'client', get('/', { Cookie: 'a=b;type=insider', 'X-Canary': '10' })), false)
    assert.equal(may(given, 'client', get('/', { 'X-Canary': '1' })), false)
  })

  test('a header that is sent twice has to fit as one value', () => {
    const twice = (first: string, second: string): HttpCall => ({
      ...get('/'),
      headers: [
        ['Cookie', 'type=insider'],
        ['x-canary', first],
        ['X-Canary', second],
      ],
    })
    const given = [routes, target('client', http('insiders'))]
    assert.equal(may(given, 'client', twice('1', '2')), false)
    assert.equal(may(given, 'client', twice('2', '1')), false)
    const matches = [{ name: 'insiders', headers: { 'x-canary': '1,2' } }]
    const both = smiObject('HTTPRouteGroup', 'v1alpha4', ns('api'), { spec: { matches } })
    assert.equal(may([both, target('client', http('insiders'))], 'client', twice('1', '2')), true)
  })

  test('a rule without matches means every route of the group', () => {
    assert.equal(may([routes, target('client', http())], 'client', get('/metrics')), true)
  })

  test('a TCPRoute and an HTTPRouteGroup in one target must both fit', () => {
    const given = (port: number) => [routes, tcp('p', port), target('client', byPort('p'), http('metrics'))]
    assert.equal(may(given(8080), 'client', get('/metrics')), true)
    assert.equal(may(given(8080), 'client', get('/api')), false)
    assert.equal(may(given(8081), 'client', get('/metrics')), false)
  })

  test('a TCPRoute without ports lets any HTTP through', () => {
    assert.equal(may([tcp('p'), target('client', byPort('p'))], 'client', get('/anything')), true)
  })

  test('a port may be that of a Service that leads to the pod', () => {
    assert.equal(may([tcp('p', 80), target('client', byPort('p'))], 'client', get('/')), true)
  })

  test('a route that does not exist allows nothing, and neither does a target without rules', () => {
    assert.equal(may([target('client', byPort('gone'))], 'client', get('/')), false)
    assert.equal(may([target('client')], 'client', get('/')), false)
  })

  test('a UDPRoute says nothing of TCP', () => {
    const udp = smiObject('UDPRoute', 'v1alpha4', ns('u'), { spec: { matches: { ports: [] } } })
    assert.equal(may([udp, target('client', { kind: 'UDPRoute', name: 'u' })], 'client', get('/')), false)
  })

  test('an HTTP route cannot be proven of bytes', () => {
    const bytes = { kind: 'tcp' } as const
    assert.equal(may([routes, target('client', http())], 'client', bytes, 9000), false)
    assert.equal(may([tcp('p', 9000), target('client', byPort('p'))], 'client', bytes, 9000), true)
  })

  test('the port of a v1alpha1 destination is a condition of its own', () => {
    const old = (port: number) =>
      smiObject('TrafficTarget', 'v1alpha1', ns('old'), {
        destination: { kind: 'ServiceAccount', name: 'website', namespace: 'default', port },
        sources: [{ kind: 'ServiceAccount', name: 'client', namespace: 'default' }],
        specs: [http('api')],
      })
    assert.equal(may([routes, old(8080)], 'client', get('/api')), true)
    assert.equal(may([routes, old(9000)], 'client', get('/api')), false)
  })

  test('nobody opens the doors of another namespace', () => {
    const foreign = smiObject(
      'TrafficTarget',
      'v1alpha3',
      { namespace: 'other', name: 'foreign' },
      {
        spec: {
          destination: { kind: 'ServiceAccount', name: 'website', namespace: 'default' },
          sources: [{ kind: 'ServiceAccount', name: 'client', namespace: 'default' }],
          rules: [byPort('p')],
        },
      },
    )
    assert.equal(may([tcp('p'), foreign], 'client', get('/')), false)
  })

  test('audit and permissive let identities in; strangers have a switch of their own', () => {
    const says = (annotations: Readonly<Record<string, string>>) => [namespaceObject('default', annotations)]
    assert.equal(may(says({ 'smi-mesh.dev/access': 'audit' }), 'client', get('/')), true)
    assert.equal(may(says({ 'smi-mesh.dev/access': 'permissive' }), '', get('/')), true)
    assert.equal(may(says({ 'smi-mesh.dev/unidentified': 'allow' }), '', get('/')), true)
    assert.equal(may(says({ 'smi-mesh.dev/unidentified': 'allow' }), 'client', get('/')), false)
    assert.equal(
      may(says({ 'smi-mesh.dev/access': 'permissive', 'smi-mesh.dev/unidentified': 'deny' }), '', get('/')),
      false,
    )
  })
})

describe('IdentityBinding', () => {
  const binding = (schemes: RawObject) => smiObject('IdentityBinding', 'v1alpha4', ns('callers'), { spec: { schemes } })
  const bound = smiObject('TrafficTarget', 'v1alpha4', ns('bound'), {
    spec: {
      destination: { kind: 'ServiceAccount', name: 'website' },
      sources: [{ kind: 'IdentityBinding', name: 'callers' }],
      rules: [byPort('p')],
    },
  })

  test('schemes are alternatives', () => {
    const given = [
      tcp('p'),
      bound,
      binding({ serviceAccount: 'client', spiffeIdentities: ['cluster.local/ns/default/sa/prometheus'] }),
    ]
    assert.equal(may(given, 'client', get('/')), true)
    assert.equal(may(given, 'prometheus', get('/')), true)
    assert.equal(may(given, 'website-v1', get('/')), false)
  })

  test('labels mean the accounts of which every pod bears them', () => {
    const byVersion = [tcp('p'), bound, binding({ podLabelSelector: { matchLabels: { v: '1' } } })]
    assert.equal(may(byVersion, 'website-v1', get('/')), false)
    const byApp = [tcp('p'), bound, binding({ podLabelSelector: { matchLabels: { app: 'website' } } })]
    assert.equal(may(byApp, 'website-v1', get('/')), true)
  })
})

test('what a caller may see of a mixed answer is a 403 or a pod', () => {
  const answer = oracle(world(permissive), request('client', get('/')))
  assert.deepEqual(answer && [...outcomes(answer, get('/'))], ['pod default/website-v1', 'pod default/website-v2'])
  assert.equal(nameText(ns('a')), 'default/a')
})

test('paths lose their query and every disguise', () => {
  const cases = [
    ['/a?b/../c', '/a'],
    ['/a//b', '/a/b'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/../../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/%61', '/a'],
    ['/a%2Fb', '/a%2Fb'],
    ['/a\\b', '/a/b'],
    ['/a;b=c', '/a;b=c'],
    ['/%C3%A4', '/%C3%A4'],
    ['/', '/'],
  ] as const
  for (const [target, plain] of cases) assert.equal(plainPath(target), plain, target)
  assert.equal(plainPath('a'), undefined)
})

test('an expression that RE2 refuses matches nothing, even where JavaScript would take it', () => {
  assert.equal(regexFits('(?=/a).*', '/a', 'start'), false)
  assert.equal(regexFits('(a)\\1', 'aa', 'start'), false)
  assert.equal(regexFits('/a|/b', '/b', 'full'), true)
  assert.equal(regexFits('(?i)/A', '/a', 'start'), true)
})

/** TrafficTarget, rule by rule, as a user meets it: YAML in, who may call and why out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { world } from '../../testdata/world.ts'

/** A TrafficTarget that lets shop/client into shop/web-v1, but for what is said otherwise. */
function target(
  rules: readonly string[],
  more: Partial<Record<'name' | 'destination' | 'sources' | 'apiVersion' | 'namespace', string>> = {},
): string {
  return `
---
apiVersion: access.smi-spec.io/${more.apiVersion ?? 'v1alpha3'}
kind: TrafficTarget
metadata: {name: ${more.name ?? 'tt'}, namespace: ${more.namespace ?? 'shop'}}
spec:
  destination: {${more.destination ?? 'kind: ServiceAccount, name: web-v1'}}
  sources: [${more.sources ?? '{kind: ServiceAccount, name: client}'}]
  rules: [${rules.join(', ')}]
`
}

const http = (name: string, matches?: readonly string[]) =>
  `{kind: HTTPRouteGroup, name: ${name}${matches ? `, matches: [${matches.join(', ')}]` : ''}}`
const tcp = (name: string) => `{kind: TCPRoute, name: ${name}}`
const udp = (name: string) => `{kind: UDPRoute, name: ${name}}`

const API = `
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: api, namespace: shop}
spec: {matches: [{name: read, pathRegex: /api, methods: [GET]}, {name: write, pathRegex: /api, methods: [POST]}, {name: beta, headers: {x-beta: "1"}}]}
`
const route = (kind: string, name: string, ...ports: readonly number[]) => `
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: ${kind}
metadata: {name: ${name}, namespace: shop}
spec: {matches: {ports: [${ports.join(', ')}]}}
`
const ALL = route('TCPRoute', 'all')
const TT = 'TrafficTarget shop/tt'
const V1 = 'shop/web-v1:80'
const get = { path: '/api', method: 'GET' }
const post = { path: '/api', method: 'POST' }

test('without a TrafficTarget nobody of the mesh is let in', () => {
  assert.equal(world('').allows('shop/client', V1), false)
})

test('the ServiceAccount default is no exception', () => {
  assert.equal(world('').allows('shop/default', V1), false)
})

test('a source that is listed is let in, others are not', () => {
  const made = world(ALL + target([tcp('all')]))
  assert.equal(made.allows('shop/client', V1), true)
  assert.equal(made.allows('shop/web-v2', V1), false)
  assert.equal(made.allows('other/client', V1), false)
})

test('a destination is a ServiceAccount: pods of others stay closed', () => {
  assert.equal(world(ALL + target([tcp('all')])).allows('shop/client', 'shop/web-v2:80'), false)
})

test('a source that is listed is let in for the routes that are listed, and no others', () => {
  const made = world(API + target([http('api', ['read'])]))
  assert.equal(made.allows('shop/client', V1, get), true)
  assert.equal(made.allows('shop/client', V1, post), false)
  assert.equal(made.allows('shop/client', V1, { path: '/other' }), false)
})

test('permissions of several TrafficTargets add up', () => {
  const made = world(API + target([http('api', ['read'])]) + target([http('api', ['write'])], { name: 'more' }))
  assert.deepEqual([made.allows('shop/client', V1, get), made.allows('shop/client', V1, post)], [true, true])
})

test('a rule without matches means all routes of its group', () => {
  const made = world(API + target([http('api')]))
  assert.deepEqual(
    [get, post, { path: '/x', headers: { 'x-beta': '1' } }].map(call => made.allows('shop/client', V1, call)),
    [true, true, true],
  )
})

test('a route name that the group does not have matches nothing', () => {
  const made = world(API + target([http('api', ['read', 'gone'])]))
  assert.deepEqual([made.allows('shop/client', V1, get), made.allows('shop/client', V1, post)], [true, false])
  assert.deepEqual(made.reasons(TT), ['MatchNotFound'])
})

test('a rule whose HTTPRouteGroup does not exist allows nothing', () => {
  const made = world(target([http('gone')]))
  assert.equal(made.allows('shop/client', V1), false)
  assert.deepEqual(made.reasons(TT), ['RouteNotFound'])
})

test('an HTTPRouteGroup that does not exist still narrows a TCPRoute beside it', () => {
  assert.equal(world(ALL + target([tcp('all'), http('gone')])).allows('shop/client', V1), false)
})

test('a TCPRoute that does not exist still narrows an HTTPRouteGroup beside it', () => {
  assert.equal(world(API + target([tcp('gone'), http('api')])).allows('shop/client', V1, get), false)
})

test('routes are looked for in the namespace of the TrafficTarget', () => {
  const made = world(ALL.replace('namespace: shop', 'namespace: other') + target([tcp('all')]))
  assert.equal(made.allows('shop/client', V1), false)
  assert.deepEqual(made.reasons(TT), ['RouteNotFound'])
})

test('a TCPRoute without ports means all ports, and lets HTTP through whatever it asks for', () => {
  const made = world(ALL + target([tcp('all')]))
  assert.equal(made.allows('shop/client', V1, { method: 'DELETE', path: '/anything' }), true)
})

test('a TCPRoute lets in on its ports alone', () => {
  const made = world(route('TCPRoute', 'http', 80) + route('TCPRoute', 'other', 443) + target([tcp('other')]))
  assert.equal(made.allows('shop/client', V1), false)
  made.put(...[])
  assert.equal(world(route('TCPRoute', 'http', 80) + target([tcp('http')])).allows('shop/client', V1), true)
})

test('a port may be named by its number on the Service or on the pod', () => {
  for (const port of [80, 8080])
    assert.equal(
      world(route('TCPRoute', 'one', port) + target([tcp('one')])).allows('shop/client', V1),
      true,
      `${port}`,
    )
})

test('ports of several TCPRoutes add up', () => {
  const made = world(route('TCPRoute', 'a', 443) + route('TCPRoute', 'b', 80) + target([tcp('a'), tcp('b')]))
  assert.equal(made.allows('shop/client', V1), true)
})

test('a TCPRoute and an HTTPRouteGroup together ask for both: the port and the route', () => {
  const right = world(API + route('TCPRoute', 'port', 80) + target([tcp('port'), http('api', ['read'])]))
  assert.deepEqual([right.allows('shop/client', V1, get), right.allows('shop/client', V1, post)], [true, false])
  const wrong = world(API + route('TCPRoute', 'port', 443) + target([tcp('port'), http('api', ['read'])]))
  assert.equal(wrong.allows('shop/client', V1, get), false)
})

test('a UDPRoute lets no TCP in, and says that UDP is not carried out', () => {
  const made = world(route('UDPRoute', 'dns', 80) + target([udp('dns')]))
  assert.equal(made.allows('shop/client', V1), false)
  assert.deepEqual(made.reasons(TT), ['Unsupported'])
  assert.deepEqual(made.reasons('UDPRoute shop/dns'), ['Unsupported'])
})

test('a UDPRoute beside a TCPRoute neither widens nor narrows it', () => {
  const made = world(route('UDPRoute', 'dns', 443) + route('TCPRoute', 'port', 80) + target([udp('dns'), tcp('port')]))
  assert.equal(made.allows('shop/client', V1), true)
})

test('destination.port of v1alpha2 closes all other ports', () => {
  const on = (port: number) =>
    world(
      ALL +
        target([tcp('all')], {
          apiVersion: 'v1alpha2',
          destination: `kind: ServiceAccount, name: web-v1, port: ${port}`,
        }),
    )
  assert.equal(on(80).allows('shop/client', V1), true)
  assert.equal(on(443).allows('shop/client', V1), false)
})

test('a TrafficTarget without rules allows nothing', () => {
  const made = world(target([]))
  assert.equal(made.allows('shop/client', V1), false)
  assert.ok(made.reasons(TT).includes('AllowsNothing'))
})

test('a TrafficTarget without sources allows nothing', () => {
  const made = world(ALL + target([tcp('all')], { sources: '' }))
  assert.equal(made.allows('shop/client', V1), false)
  assert.ok(made.reasons(TT).includes('AllowsNothing'))
})

test('a destination in another namespace opens nothing there', () => {
  const made = world(
    ALL.replace('namespace: shop', 'namespace: evil') +
      target([tcp('all')], {
        namespace: 'evil',
        destination: 'kind: ServiceAccount, name: web-v1, namespace: shop',
        sources: '{kind: ServiceAccount, name: client, namespace: shop}',
      }),
  )
  assert.equal(made.allows('shop/client', V1), false)
  assert.equal(made.findings.get('TrafficTarget evil/tt')?.[0]?.condition, 'Accepted')
})

test('sources of other namespaces are let in if they are named with their namespace', () => {
  const from = (namespace: string) =>
    world(ALL + target([tcp('all')], { sources: `{kind: ServiceAccount, name: client${namespace}}` }))
  assert.equal(from(', namespace: other').allows('other/client', V1), true)
  assert.equal(from(', namespace: other').allows('shop/client', V1), false)
  assert.equal(from('').allows('other/client', V1), false)
})

test('a ServiceAccount that does not exist and has no pod is reported', () => {
  const made = world(ALL + target([tcp('all')], { sources: '{kind: ServiceAccount, name: gone}' }))
  assert.deepEqual(made.reasons(TT), ['ServiceAccountNotFound'])
})

test('HTTP rules allow nothing on a port that carries bytes', () => {
  const bytes = `
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: tcp-x, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-v1, namespace: shop}
spec: {selector: {app: web, version: v1}, ports: [{name: tcp-x, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-v2, namespace: shop}
spec: {selector: {app: web, version: v2}, ports: [{name: tcp-x, port: 80, targetPort: 8080}]}
`
  const made = world(bytes + API + route('TCPRoute', 'port', 80) + target([tcp('port'), http('api')]))
  assert.equal(made.allows('shop/client', V1, get), false)
  assert.equal(made.allows('shop/client', V1, 'tcp'), false)
  assert.deepEqual(made.reasons(TT), ['MatchNeedsHttp'])
  assert.equal(world(bytes + ALL + target([tcp('all')])).allows('shop/client', V1, 'tcp'), true)
})

test('on a port of which nobody says what it speaks, HTTP is judged by its routes and bytes are not let in by them', () => {
  const auto = `
---
apiVersion: v1
kind: Service
metadata: {name: web-v1, namespace: shop}
spec: {selector: {app: web, version: v1}, ports: [{port: 90, targetPort: 9090}]}
`
  const made = world(auto + API + target([http('api', ['read'])]))
  assert.deepEqual(
    [made.allows('shop/client', 'shop/web-v1:90', get), made.allows('shop/client', 'shop/web-v1:90', 'tcp')],
    [true, false],
  )
})

test('who decided is named: the rule, and the objects it comes from', () => {
  const decision = world(API + target([http('api', ['read'])])).ask('shop/client', V1, get)
  const verdict = decision.kind === 'routed' ? decision.backends[0]?.servers[0]?.verdict : undefined
  assert.equal(verdict?.kind === 'rule' && verdict.rule, 'traffictarget/shop/tt/api')
  assert.deepEqual(decision.kind === 'routed' && decision.from.map(({ kind, name }) => `${kind} ${name}`), [
    'HTTPRouteGroup api',
    'Service web-v1',
    'TrafficTarget tt',
  ])
})

const inMode = (access: string, more = '') => `
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, annotations: {smi-mesh.dev/access: ${access}${more}}}
`

test('a permissive namespace lets everyone in', () => {
  const made = world(inMode('permissive'))
  assert.deepEqual([made.allows('shop/client', V1), made.allows(undefined, V1)], [true, true])
})

test('an auditing namespace lets everyone in, and still knows which rule would have', () => {
  const made = world(inMode('audit') + API + target([http('api', ['read'])]))
  const verdict = (call: typeof get) => {
    const decision = made.ask('shop/client', V1, call)
    return decision.kind === 'routed' ? decision.backends[0]?.servers[0]?.verdict : undefined
  }
  assert.equal(verdict(get)?.kind, 'rule')
  assert.deepEqual(verdict(post), { kind: 'mode', allowed: true, mode: 'audit' })
})

test('the mode of the mesh holds where a namespace says nothing', () => {
  assert.equal(world('', { access: 'permissive' }).allows('shop/client', V1), true)
  assert.equal(world(inMode('enforce'), { access: 'permissive' }).allows('shop/client', V1), false)
})

test('callers without an identity are kept out of an enforcing namespace, unless it says otherwise', () => {
  assert.equal(world('').allows(undefined, V1), false)
  const made = world(inMode('enforce', ', smi-mesh.dev/unidentified: allow'))
  assert.deepEqual([made.allows(undefined, V1), made.allows('shop/client', V1)], [true, false])
})

test('a namespace that is not enforcing may still keep callers without an identity out', () => {
  const made = world(inMode('permissive', ', smi-mesh.dev/unidentified: deny'))
  assert.deepEqual([made.allows(undefined, V1), made.allows('shop/client', V1)], [false, true])
})

test('an access annotation that means nothing is read as enforce', () => {
  const made = world(inMode('permisive'), { access: 'permissive' })
  assert.equal(made.allows('shop/client', V1), false)
  assert.deepEqual(made.reasons('Namespace shop'), ['AnnotationValue'])
})

test('a TrafficTarget that can no longer be read leaves its last good version in force', () => {
  const made = world(ALL + target([tcp('all')]))
  made.put({
    apiVersion: 'access.smi-spec.io/v1alpha3',
    kind: 'TrafficTarget',
    metadata: { name: 'tt', namespace: 'shop' },
    spec: { destination: 7 },
  })
  assert.equal(made.allows('shop/client', V1), true)
  assert.ok(made.reasons(TT).every(reason => reason === 'SchemaViolation'))
})

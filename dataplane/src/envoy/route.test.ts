import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HttpMatch, type Route, type RouteAction, serviceKey, servicePortKey } from '../mesh/index.ts'
import { RouteConfiguration } from '../proto/gen/envoy/config/route/v3/route.ts'
import { encode, messageJson, typeUrl } from '../proto/index.ts'
import { deniedRouteConfiguration, inboundRouteConfiguration, routeConfiguration } from './route.ts'

const web = servicePortKey(serviceKey('shop', 'web'), 80)
const canary = servicePortKey(serviceKey('shop', 'canary'), 80)
const toWeb: RouteAction = { kind: 'forward', backends: [{ backend: web, weight: 1 }] }

function text(message: RouteConfiguration): string {
  return JSON.stringify(messageJson(typeUrl(RouteConfiguration), encode(RouteConfiguration, message)))
}

function routes(...given: readonly Partial<Route>[]): string {
  const all = given.map((route): Route => ({ match: { kind: 'any' }, action: toWeb, from: [], ...route }))
  return text(routeConfiguration('shop/web:80', { routes: all }, backend => backend))
}

function http(change: Partial<HttpMatch>): HttpMatch {
  return { kind: 'http', path: 'any', methods: 'any', headers: [], ...change }
}

test('every host name comes here: the destination has decided already', () => {
  assert.match(routes({}), /"domains":\["\*"\]/)
})

test('one backend is a cluster, several are weights', () => {
  assert.match(routes({}), /"cluster":"shop\/web:80"/)
  const backends = [
    { backend: web, weight: 90 },
    { backend: canary, weight: 10 },
  ]
  assert.match(
    routes({ action: { kind: 'forward', backends } }),
    /"clusters":\[\{"name":"shop\/web:80","weight":90\},\{"name":"shop\/canary:80","weight":10\}\]/,
  )
})

test('routes keep their order', () => {
  const beta = http({ path: { regex: '/beta', anchor: 'start' } })
  const found = routes({ match: beta }, {})
  assert.ok(found.indexOf('"prefix":"/beta"') < found.indexOf('"prefix":""'))
})

test('all conditions of a match hold together', () => {
  const match = http({
    path: { regex: '/v[0-9]', anchor: 'full' },
    methods: ['GET', 'HEAD'],
    headers: [{ name: 'x-user', value: { regex: 'a.*', anchor: 'full' } }],
  })
  const found = routes({ match })
  assert.match(found, /"safe_regex":\{"regex":"\/v\[0-9\]"\}/)
  assert.match(found, /"name":":method","string_match":\{"safe_regex":\{"regex":"GET\|HEAD"\}\}/)
  assert.match(found, /"name":"x-user","string_match":\{"safe_regex":\{"regex":"a\.\*"\}\}/)
})

test('the host header is the authority', () => {
  const match = http({ headers: [{ name: 'host', value: { regex: 'web', anchor: 'full' } }] })
  assert.match(routes({ match }), /"name":":authority"/)
})

test('a refusal answers at once and says why', () => {
  const found = routes({ action: { kind: 'refuse', status: 503, reason: 'every weight is zero' } })
  assert.match(found, /"direct_response":\{"status":503/)
  assert.match(found, /"key":"x-smi-reason","value":"every weight is zero"/)
})

test('a percent sign in a reason is no variable of Envoy', () => {
  const found = routes({ action: { kind: 'refuse', status: 503, reason: '%REQ(cookie)%' } })
  assert.match(found, /"value":"%%REQ\(cookie\)%%"/)
  assert.match(found, /"inline_string":"%REQ\(cookie\)%/)
})

test('no request is ended by a timeout of ours', () => {
  assert.match(routes({}), /"timeout":"0s"/)
})

test('only what no application has seen is sent again', () => {
  const policy = /"retry_on":"([^"]+)"/.exec(routes({}))?.[1]
  assert.equal(policy, 'connect-failure,refused-stream,reset-before-request,retriable-headers')
})

test('an inbound port is guarded, whatever is asked', () => {
  const access = { mode: 'enforce', unidentified: 'deny', rules: [] } as const
  const found = text(inboundRouteConfiguration('inbound:8080', access, 'application:8080'))
  assert.match(found, /"prefix":""/)
  assert.match(found, /"envoy.filters.http.rbac":\{"rbac":\{"rules":\{\}\},"@type":"[^"]+RBACPerRoute"\}/)
})

test('a port that nobody may use leads nowhere', () => {
  const found = text(deniedRouteConfiguration('inbound:other', 'no such port'))
  assert.match(found, /"status":403/)
  assert.doesNotMatch(found, /"cluster"/)
})

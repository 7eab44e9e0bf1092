import assert from 'node:assert/strict'
import { test } from 'node:test'
import { any } from './any.ts'
import { decode, encode } from './encode.ts'
import { RouteConfiguration } from './gen/envoy/config/route/v3/route.ts'
import { RBACPerRoute } from './gen/envoy/extensions/filters/http/rbac/v3/rbac.ts'
import { messageBytes, messageJson } from './json.ts'

const TYPE = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration'

test('the bytes of a message do not depend on the order of its map', () => {
  const one = any(RBACPerRoute, {})
  const [forth, back] = [
    { a: one, b: one },
    { b: one, a: one },
  ].map(typedPerFilterConfig => encode(RouteConfiguration, { name: 'x', typedPerFilterConfig }))
  assert.deepEqual(forth, back)
})

test('what was encoded decodes to itself', () => {
  const message = { name: 'shop/web:80', validateClusters: false, virtualHosts: [{ name: 'all', domains: ['*'] }] }
  const decoded = decode(RouteConfiguration, encode(RouteConfiguration, message))
  assert.equal(decoded.name, 'shop/web:80')
  assert.equal(decoded.validateClusters, false)
  assert.deepEqual(decoded.virtualHosts?.[0]?.domains, ['*'])
})

test('JSON is what an Envoy file holds: snake case, nested messages opened', () => {
  const bytes = encode(RouteConfiguration, {
    name: 'r',
    typedPerFilterConfig: { rbac: any(RBACPerRoute, { rbac: { rules: { action: 1, policies: {} } } }) },
  })
  assert.deepEqual(messageJson(TYPE, bytes), {
    name: 'r',
    typed_per_filter_config: {
      rbac: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute',
        rbac: { rules: { action: 'DENY' } },
      },
    },
  })
})

test('JSON and bytes are two spellings of one message', () => {
  const bytes = encode(RouteConfiguration, { name: 'r', requestHeadersToRemove: ['x-a', 'x-b'] })
  assert.deepEqual(Buffer.from(messageBytes(TYPE, messageJson(TYPE, bytes))), bytes)
})

test('a message that cannot be encoded leaves nothing in the next one', () => {
  const whole = { name: 'whole' }
  const bytes = encode(RouteConfiguration, whole)
  assert.throws(() => encode(RouteConfiguration, { name: 'half', internalOnlyHeaders: { forEach: 1 } as never }))
  assert.deepEqual(encode(RouteConfiguration, whole), bytes)
})

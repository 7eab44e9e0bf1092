import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ip, serviceKey, servicePortKey } from '../mesh/index.ts'
import {
  applicationPortClusterName,
  inboundRouteName,
  type OutboundTarget,
  opaqueClusterName,
  outboundName,
  parseName,
} from './names.ts'

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/)
const port = fc.integer({ min: 1, max: 65_535 })
const service = fc.tuple(label, label, port).map(([ns, name, at]) => servicePortKey(serviceKey(ns, name), at))
const address = fc.oneof(fc.ipV4(), fc.ipV6()).map(ip)
const target: fc.Arbitrary<OutboundTarget> = fc.oneof(
  service.map(key => ({ service: key })),
  fc.tuple(service, address, port).map(([key, at, number]) => ({ service: key, ip: at, port: number })),
)

test('a name leads back to its target', () => {
  fc.assert(
    fc.property(target, fc.boolean(), (given, opaque) => {
      const name = opaque ? opaqueClusterName(given) : outboundName(given)
      const expected =
        'ip' in given ? { kind: 'pod', target: given, opaque } : { kind: 'service', service: given.service, opaque }
      assert.deepEqual(parseName(name), expected)
    }),
  )
})

test('the names of a workload are no names of services', () => {
  assert.deepEqual(parseName(inboundRouteName(8080)), { kind: 'inbound', port: 8080 })
  assert.deepEqual(parseName(inboundRouteName('other')), { kind: 'inbound', port: 'other' })
  assert.deepEqual(parseName(applicationPortClusterName(8080)), { kind: 'application', of: '8080' })
  assert.deepEqual(parseName('capture'), { kind: 'fixed', name: 'capture' })
})

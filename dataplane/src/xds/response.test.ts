import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TypeUrl } from '../mesh/resource.ts'
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from '../proto/index.ts'
import { decodeRequest } from './request.ts'
import { resource, versionOf } from './resource.ts'
import { encodeResponse, SharedResponses } from './response.ts'
import { envoyResource, group } from './testdata/make.ts'

const { cluster } = TypeUrl
const one = resource(envoyResource(group('all'), cluster, 'shop/web:80', 'message'))

test('a response is what the Envoy API says it is', () => {
  const bytes = encodeResponse({ type: cluster, nonce: '7', resources: [one], removed: ['gone'] })
  const decoded = DeltaDiscoveryResponse.decode(bytes)
  assert.equal(decoded.typeUrl, cluster)
  assert.equal(decoded.nonce, '7')
  assert.deepEqual(decoded.removedResources, ['gone'])
  const [element] = decoded.resources ?? []
  assert.equal(element?.name, 'shop/web:80')
  assert.equal(element?.version, versionOf(Buffer.from('message')))
  assert.equal(element?.resource?.typeUrl, cluster)
  assert.equal(Buffer.from(element?.resource?.value ?? []).toString(), 'message')
})

test('a request is read as the Envoy API writes it', () => {
  const bytes = DeltaDiscoveryRequest.encode({
    node: {
      id: 'web-1.shop',
      cluster: 'web',
      metadata: { much: 'that nobody reads' },
      userAgentName: 'envoy',
      userAgentVersionType: {
        $case: 'userAgentBuildVersion',
        userAgentBuildVersion: { version: { majorNumber: 1, minorNumber: 40, patch: 0 }, metadata: {} },
      },
    },
    typeUrl: cluster,
    resourceNamesSubscribe: ['a', 'b'],
    resourceNamesUnsubscribe: ['c'],
    initialResourceVersions: { a: '1', __proto__x: '2' },
    responseNonce: '7',
    errorDetail: { code: 3, message: 'bad' },
  }).finish()
  assert.deepEqual(decodeRequest(bytes), {
    node: { id: 'web-1.shop', cluster: 'web', agent: 'envoy 1.40.0' },
    typeUrl: cluster,
    subscribe: ['a', 'b'],
    unsubscribe: ['c'],
    initialVersions: new Map([
      ['a', '1'],
      ['__proto__x', '2'],
    ]),
    nonce: '7',
    error: 'bad',
  })
})

test('bytes that are no message are refused', () => {
  assert.throws(() => decodeRequest(Buffer.from([0x0a, 0xff, 0xff])))
})

test('equal content is one Buffer, any difference is another', () => {
  const shared = new SharedResponses()
  const response = { type: cluster, nonce: '7', resources: [one], removed: ['x'] }
  assert.equal(shared.bytes(response), shared.bytes({ ...response }))
  assert.notEqual(shared.bytes(response), shared.bytes({ ...response, nonce: '8' }))
  assert.notEqual(shared.bytes({ ...response, removed: ['a\nb'] }), shared.bytes({ ...response, removed: ['a', 'b'] }))
  assert.equal(shared.encoded, 4)
})

test('the memory of encoded responses keeps within its budget', () => {
  const shared = new SharedResponses(500)
  const responses = Array.from({ length: 50 }, (_, at) => ({
    type: cluster,
    nonce: String(at),
    resources: [one],
    removed: [],
  }))
  for (const response of responses) shared.bytes(response)
  for (const response of responses.slice(0, 10)) shared.bytes(response)
  assert.equal(shared.encoded, 60, 'the old ones were let go')
})

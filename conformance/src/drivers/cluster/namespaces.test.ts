import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namespaceNames } from './namespaces.ts'

const names = namespaceNames('access', ['default', 'other'])

test('namespaces are renamed where they are meant, and nowhere else', () => {
  const target = {
    kind: 'TrafficTarget',
    metadata: { name: 'default', namespace: 'default' },
    spec: {
      sources: [{ kind: 'ServiceAccount', name: 'default', namespace: 'other' }],
      ids: ['cluster.local/ns/other/sa/default', 'cluster.local/ns/somebody/sa/default'],
      service: 'website.default.svc.cluster.local',
    },
  }
  assert.deepEqual(names.place(target), {
    kind: 'TrafficTarget',
    metadata: { name: 'default', namespace: 'smi-conformance-access-default' },
    spec: {
      sources: [{ kind: 'ServiceAccount', name: 'default', namespace: 'smi-conformance-access-other' }],
      ids: ['cluster.local/ns/smi-conformance-access-other/sa/default', 'cluster.local/ns/somebody/sa/default'],
      service: 'website.smi-conformance-access-default.svc.cluster.local',
    },
  })
  assert.deepEqual(names.back(names.place(target)), target)
})

test('hosts and paths of the API are renamed as well', () => {
  assert.equal(names.place('website.default:8080'), 'website.smi-conformance-access-default:8080')
  assert.equal(
    names.place('/apis/x/namespaces/other/pods?a=b'),
    '/apis/x/namespaces/smi-conformance-access-other/pods?a=b',
  )
  assert.equal(names.place('a request by default'), 'a request by default')
})

test('an object that is a namespace is renamed itself', () => {
  assert.deepEqual(names.place({ kind: 'Namespace', metadata: { name: 'other' } }), {
    kind: 'Namespace',
    metadata: { name: 'smi-conformance-access-other' },
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import { readFiles } from '../sources/index.ts'
import { desiredOf } from './expand.ts'
import { podWhere, serviceWhere } from './where.ts'

const SHOP = new URL('../../examples/shop', import.meta.url).pathname

test('a pod answers at its own address and the ports it declares', () => {
  const { pods } = desiredOf(new Map(readFiles([SHOP]).objects.map(change => [refText(change.ref), change])))
  const [pod = assert.fail()] = pods
  assert.equal(podWhere(pod, 7), '127.7.0.1:8080')
  const silent = { ...pod, spec: { ...pod.spec, containers: [] } }
  assert.equal(podWhere(silent, 7), '127.7.0.1')
})

test('a Service is reached under an address of the asking pod, where anyone may listen', () => {
  const ports = [
    { port: 80, name: 'http' },
    { port: 9090, name: '' },
  ]
  assert.equal(
    serviceWhere({ namespace: 'shop', name: 'pay', clusterIp: '127.0.1.3', ports }),
    'Service shop/pay: the pod at 127.P.0.1 reaches it at 127.P.1.3:10080 and 127.P.1.3:9090',
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, type Protocol } from '../mesh/index.ts'
import { Cluster } from '../proto/gen/envoy/config/cluster/v3/cluster.ts'
import { ClusterLoadAssignment } from '../proto/gen/envoy/config/endpoint/v3/endpoint.ts'
import { encode, messageJson, typeUrl } from '../proto/index.ts'
import { applicationPortCluster, cluster, type Peers, peersOf } from './cluster.ts'
import { loadAssignment } from './load-assignment.ts'
import { addPod, emptyWorld, identity, peer, plain } from './testdata/world.ts'

const web = addPod(emptyWorld(), { name: 'web', ports: { 8080: 'http' } })

function text(message: Cluster): string {
  return JSON.stringify(messageJson(typeUrl(Cluster), encode(Cluster, message)))
}

function port(protocol: Protocol, peers: Peers): string {
  const name = 'shop/web:80'
  return text(cluster({ name, endpointsOf: name, protocol, identities: [identity('web')], peers }))
}

test('between sidecars http is HTTP/2, and with a plain server among them HTTP/1.1', () => {
  assert.match(port('http', 'mesh'), /"explicit_http_config":\{"http2_protocol_options"/)
  assert.match(port('http', 'mixed'), /"explicit_http_config":\{"http_protocol_options"/)
  assert.match(port('http', 'plain'), /"explicit_http_config":\{"http_protocol_options"/)
  assert.match(port('http2', 'plain'), /"explicit_http_config":\{"http2_protocol_options"/)
})

test('a port nobody described keeps the protocol of its caller', () => {
  assert.match(port('auto', 'mesh'), /"use_downstream_protocol_config"/)
})

test('peers are greeted by what will be spoken', () => {
  assert.match(port('http', 'mesh'), /"alpn_protocols":\["smi-mesh"\]/)
  assert.match(port('tcp', 'mesh'), /"alpn_protocols":\["smi-mesh-tcp"\]/)
  assert.doesNotMatch(port('tcp', 'mesh'), /HttpProtocolOptions/)
})

test('only the identities of the service may answer, and no key is in the cluster', () => {
  const found = port('http', 'mesh')
  assert.match(found, /"san_type":"URI","matcher":\{"exact":"spiffe:\/\/cluster.local\/ns\/shop\/sa\/web"\}/)
  assert.match(found, /"name":"identity","sds_config"/)
  assert.doesNotMatch(found, /inline/)
})

test('idle connections to servers end before the servers end them', () => {
  assert.match(port('http', 'plain'), /"idle_timeout":"4s"/)
  assert.match(text(applicationPortCluster(ip('127.7.0.2'), 8080, 'http')), /"idle_timeout":"4s"/)
  assert.match(port('http', 'mesh'), /"idle_timeout":"600s"/)
})

test('what is behind a port is told from its endpoints', () => {
  const mesh = peer(web, 8080, '10.0.0.1')
  assert.equal(peersOf([mesh]), 'mesh')
  assert.equal(peersOf([plain('10.0.0.2', 8080)]), 'plain')
  assert.equal(peersOf([mesh, plain('10.0.0.2', 8080)]), 'mixed')
  assert.equal(peersOf([]), 'mesh')
})

test('endpoints say who they are, and peers that they speak mTLS', () => {
  const message = loadAssignment('shop/web:80', [
    { ...peer(web, 8080, '10.0.0.1'), zone: 'b' },
    { ...plain('10.0.0.2', 8080), zone: 'a' },
  ])
  const bytes = encode(ClusterLoadAssignment, message)
  const found = JSON.stringify(messageJson(typeUrl(ClusterLoadAssignment), bytes))
  assert.ok(found.indexOf('"zone":"a"') < found.indexOf('"zone":"b"'), 'zones are sorted')
  assert.equal(found.split('"envoy.transport_socket_match":{"mesh":true}').length, 2)
  assert.match(found, /"smi":\{"kind":"Deployment","namespace":"shop","pod":"web","workload":"web"\}/)
})

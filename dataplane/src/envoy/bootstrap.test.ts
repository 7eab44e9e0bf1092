import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageBytes } from '../proto/index.ts'
import { type BootstrapOptions, bootstrap, credentialDescriptions, credentialFiles } from './bootstrap.ts'
import { identity } from './testdata/world.ts'

const files = credentialFiles('/run/credentials')
const options: BootstrapOptions = {
  nodeId: 'web-1.shop',
  nodeCluster: 'shop/web',
  admin: { kind: 'socket', path: '/run/admin.sock' },
  xds: { address: '127.0.0.1', port: 15_010, security: { kind: 'mtls', files, server: identity('control-plane') } },
}

test('it is a bootstrap of this version of Envoy', () => {
  const type = 'type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap'
  assert.ok(messageBytes(type, bootstrap(options)).length > 0)
  const plain = { ...options, xds: { ...options.xds, security: { kind: 'plaintext' } as const } }
  assert.ok(messageBytes(type, bootstrap(plain)).length > 0)
})

test('the control plane must prove who it is', () => {
  assert.match(JSON.stringify(bootstrap(options)), /"san_type":"URI","matcher":\{"exact":"spiffe:[^"]+control-plane"\}/)
})

test('without TLS nothing is said of certificates', () => {
  const plain = { ...options, xds: { ...options.xds, security: { kind: 'plaintext' } as const } }
  assert.doesNotMatch(JSON.stringify(bootstrap(plain)), /transport_socket"/)
})

test('a control plane by name is resolved, one by address is not', () => {
  const named = { ...options, xds: { ...options.xds, address: 'smi-mesh.smi-system' } }
  assert.match(JSON.stringify(bootstrap(named)), /"type":"STRICT_DNS"/)
  assert.match(JSON.stringify(bootstrap(options)), /"type":"STATIC"/)
})

test('replaced PEM files are read again', () => {
  const type = 'type.googleapis.com/envoy.service.discovery.v3.DiscoveryResponse'
  for (const [path, content] of credentialDescriptions(files)) {
    assert.match(path, /^\/run\/credentials\//)
    assert.ok(messageBytes(type, content).length > 0)
    assert.match(JSON.stringify(content), /"watched_directory":\{"path":"\/run\/credentials"\}/)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageBytes } from '../proto/index.ts'
import { type BootstrapOptions, bootstrap, credentialDescriptions, credentialFiles } from './bootstrap.ts'
import { staticListeners } from './static-listeners.ts'
import { identity } from './testdata/world.ts'
import { tokenDescriptions, tokenFiles } from './token.ts'

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

test('a proxy looks for its control plane at least every ten seconds', () => {
  const backOff = '"retry_back_off":{"base_interval":"0.5s","max_interval":"10s"}'
  assert.ok(JSON.stringify(bootstrap(options)).includes(backOff))
})

test('replaced PEM files are read again', () => {
  const type = 'type.googleapis.com/envoy.service.discovery.v3.DiscoveryResponse'
  for (const [path, content] of credentialDescriptions(files)) {
    assert.match(path, /^\/run\/credentials\//)
    assert.ok(messageBytes(type, content).length > 0)
    assert.match(JSON.stringify(content), /"watched_directory":\{"path":"\/run\/credentials"\}/)
  }
})

const sidecar: BootstrapOptions = {
  ...options,
  xds: {
    address: 'smi-mesh.smi-mesh.svc',
    port: 15_010,
    security: { kind: 'token', files: tokenFiles('/identity', '/run'), server: identity('control-plane') },
  },
  begin: 'told',
  statics: staticListeners({
    adminSocket: '/run/admin.sock',
    podIp: '10.0.0.7',
    hasIpv6: true,
    probes: [
      {
        path: '/probe/web/liveness',
        kind: 'http',
        port: 8080,
        timeoutS: 1,
        scheme: 'HTTPS',
        target: '/healthz?full=1',
      },
      { path: '/probe/web/readiness', kind: 'tcp', port: 9000, timeoutS: 1, periodS: 10 },
      { path: '/probe/web/startup', kind: 'grpc', port: 9090, timeoutS: 2, periodS: 1, service: 'shop' },
    ],
  }),
}

test('a hook that is silent for long is waited for, and that its port takes connections is not', () => {
  const hook = {
    path: '/probe/web/preStop',
    kind: 'http',
    port: 8080,
    timeoutS: 600,
    scheme: 'HTTP',
    target: '/',
  } as const
  const statics = staticListeners({ adminSocket: '/run/admin.sock', podIp: '10.0.0.7', hasIpv6: false, probes: [hook] })
  assert.match(JSON.stringify(statics.listeners), /"timeout":"600s","idle_timeout":"600s"/)
  assert.match(JSON.stringify(statics.clusters), /"name":"probe:http:8080","type":"STATIC","connect_timeout":"30s"/)
})

test('a token and the roots beside it are read again when the volume they are in is swapped', () => {
  const type = 'type.googleapis.com/envoy.service.discovery.v3.DiscoveryResponse'
  for (const content of tokenDescriptions(tokenFiles('/identity', '/run')).values()) {
    assert.ok(messageBytes(type, content).length > 0)
    assert.match(JSON.stringify(content), /"watched_directory":\{"path":"\/identity"\}/)
  }
})

test('a token stays in its file', () => {
  assert.match(JSON.stringify(bootstrap(sidecar)), /"path":"\/run\/xds-token.json"/)
  assert.doesNotMatch(JSON.stringify(bootstrap(options)), /credential_injector/)
})

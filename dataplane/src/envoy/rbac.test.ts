import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access, AccessRule } from '../mesh/index.ts'
import { Filter } from '../proto/gen/envoy/config/listener/v3/listener_components.ts'
import { encode, messageJson, typeUrl } from '../proto/index.ts'
import { connectionPeers, httpAccess, networkAccess } from './rbac.ts'
import { identity } from './testdata/world.ts'

function rule(name: string, change: Partial<AccessRule> = {}): AccessRule {
  return { name, sources: [identity('client')], matches: [{ kind: 'any' }], from: [], ...change }
}

function access(change: Partial<Access> = {}): Omit<Access, 'key'> {
  return { mode: 'enforce', unidentified: 'deny', rules: [], ...change }
}

function http(of: Omit<Access, 'key'>): string {
  const { typeUrl: url = '', value = new Uint8Array() } = httpAccess(of)
  return JSON.stringify(messageJson(url, value))
}

function network(of: Omit<Access, 'key'>): string {
  return JSON.stringify(messageJson(typeUrl(Filter), encode(Filter, networkAccess(of))))
}

test('without rules, enforcing allows nobody', () => {
  assert.match(http(access()), /"rbac":\{"rules":\{\}\}/)
})

test('each rule is a policy of its own name', () => {
  const text = http(access({ rules: [rule('traffictarget/shop/a/0'), rule('traffictarget/shop/b/1')] }))
  assert.match(text, /"traffictarget\/shop\/a\/0":\{/)
  assert.match(text, /"traffictarget\/shop\/b\/1":\{/)
  assert.match(text, /"exact":"spiffe:\/\/cluster.local\/ns\/shop\/sa\/client"/)
})

test('a rule without sources or matches allows nobody, and is not an error', () => {
  assert.match(http(access({ rules: [rule('a', { sources: [] }), rule('b', { matches: [] })] })), /"rules":\{\}/)
})

test('callers without identity are let in by the switch alone', () => {
  const text = http(access({ unidentified: 'allow' }))
  assert.match(
    text,
    /"unidentified":\{"permissions":\[\{"any":true\}\],"principals":\[\{"not_id":\{"authenticated":\{\}\}\}\]/,
  )
})

test('permissive lets every identity in, and the others by the switch', () => {
  assert.match(http(access({ mode: 'permissive' })), /"permissive":.*"principals":\[\{"authenticated":\{\}\}\]/)
  assert.match(http(access({ mode: 'permissive', unidentified: 'allow' })), /"principals":\[\{"any":true\}\]/)
})

test('audit enforces nothing and judges everything', () => {
  const text = http(access({ mode: 'audit', rules: [rule('r')] }))
  assert.match(text, /"rules":\{"policies":\{"audit":/)
  assert.match(text, /"shadow_rules":\{"policies":\{"r":/)
  assert.doesNotMatch(http(access({ mode: 'enforce', rules: [rule('r')] })), /shadow/)
})

test('a rule about requests does not open a connection', () => {
  const requests = rule('r', { matches: [{ kind: 'http', path: 'any', methods: ['GET'], headers: [] }] })
  assert.doesNotMatch(network(access({ rules: [requests] })), /policies/)
  assert.deepEqual(connectionPeers(access({ rules: [requests] })), [])
  assert.match(network(access({ rules: [rule('r')] })), /"policies":\{"r":/)
  assert.deepEqual(connectionPeers(access({ rules: [rule('r'), rule('s')] })), [identity('client')])
})

test('where rules are not enforced, the handshake turns nobody away', () => {
  assert.equal(connectionPeers(access({ mode: 'audit' })), 'anyone')
  assert.equal(connectionPeers(access({ mode: 'permissive' })), 'anyone')
})

/** What compiling refuses although reading objects already should have: access fails closed, whoever calls. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_MESH_CONFIG, type ObjectRef } from '@smi-mesh/dataplane/mesh'
import type { RuleFacts, SubjectFacts, TrafficTargetFacts } from '../facts/index.ts'
import { compileGrant } from './grant.ts'
import { proxyRejected } from './index.ts'
import { planSplit } from './split-plan.ts'

const ref: ObjectRef = { kind: 'TrafficTarget', namespace: 'shop', name: 'tt' }
const account = (name: string, more: Partial<SubjectFacts> = {}): SubjectFacts => ({
  kind: 'ServiceAccount',
  name,
  namespace: 'shop',
  port: undefined,
  ...more,
})
const scenery = {
  accounts: () => true,
  bindings: () => undefined,
  groups: () => undefined,
  tcpRoutes: () => ({ ref: { ...ref, kind: 'TCPRoute', name: 'all' }, ports: [] }),
  udpRoutes: () => undefined,
}
const tcp: RuleFacts = { kind: 'TCPRoute', name: 'all', matches: undefined }

function grant(more: Partial<TrafficTargetFacts>) {
  const target = { ref, destination: account('web'), sources: [account('client')], rules: [tcp], ...more }
  const { value, findings } = compileGrant(target, scenery, DEFAULT_MESH_CONFIG)
  return { ...value, reasons: findings.map(({ reason }) => reason) }
}

test('a destination of another namespace is no destination', () => {
  const { destinations, reasons } = grant({ destination: account('web', { namespace: 'other' }) })
  assert.deepEqual([destinations, reasons], [[], ['CrossNamespace']])
})

test('a subject of a kind that is no identity means nobody', () => {
  const { sources, reasons } = grant({ sources: [account('client', { kind: 'Group' })] })
  assert.deepEqual([sources, reasons], [[], ['KindNotSupported']])
})

test('a rule of an unknown kind might have narrowed the others, so that nothing is allowed', () => {
  const { rules, reasons } = grant({ rules: [tcp, { kind: 'GRPCRoute', name: 'x', matches: undefined }] })
  assert.deepEqual([rules, reasons], [[], ['KindNotSupported']])
})

test('a condition of a split that is no HTTPRouteGroup fits nothing', () => {
  const name = (written: string) => ({ written, key: undefined })
  const { value, findings } = planSplit({
    ref: { ...ref, kind: 'TrafficSplit' },
    createdAt: '',
    apex: name('web'),
    backends: [],
    matches: [{ kind: 'TCPRoute', name: 'x' }],
  })
  assert.equal(value, undefined)
  assert.deepEqual(
    findings.map(({ reason }) => reason),
    ['NameForm', 'KindNotSupported'],
  )
})

test('a refusal by a proxy is said of the object it comes from', () => {
  const { reason, condition, message } = proxyRejected(ref, { message: 'no such filter' })
  assert.deepEqual([reason, condition], ['ProxyRejected', 'Programmed'])
  assert.match(message, /no such filter/)
})

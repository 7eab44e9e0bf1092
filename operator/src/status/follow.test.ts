import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import { type Finding, finding, proxyRejected } from '../compile/index.ts'
import type { Subject } from '../facts/index.ts'
import { type Speaker, StatusFollower } from './follow.ts'
import type { Wanted } from './writer.ts'

function subject(kind: string, name: string, smi: boolean): Subject {
  const apiVersion = smi ? 'split.smi-spec.io/v1alpha4' : 'v1'
  return { ref: { kind, namespace: 'shop', name }, apiVersion, generation: 1, smi, rejected: false }
}

const A = subject('TrafficSplit', 'a', true)
const B = subject('TrafficSplit', 'b', true)
const SERVICE = subject('Service', 'web', false)
const NOTHING = { revision: 1, changed: () => new Set<never>(), recomputed: new Map(), failures: [] }

function rig() {
  const subjects = [A, B, SERVICE]
  const state = {
    findings: [] as readonly Finding[],
    refused: [] as readonly Finding[],
    concerned: new Set<string>(),
    others: [] as readonly Finding[],
  }
  const speaker: Speaker = {
    subjects: () => subjects,
    refused: () => Map.groupBy(state.refused, ({ about }) => refText(about)),
    concerned: () => state.concerned,
    spoken: key => {
      const found = subjects.find(({ ref }) => refText(ref) === key)
      return found && { subject: found, findings: state.findings.filter(({ about }) => refText(about) === key) }
    },
  }
  const wanted: string[] = []
  const want = ({ ref, conditions }: Wanted) => {
    const wrong = conditions.flatMap(({ status, reason }) => (status === 'False' ? [reason] : []))
    wanted.push([ref.name, ...wrong].join(' '))
  }
  const others = () => Map.groupBy(state.others, ({ about }) => refText(about))
  const told: string[] = []
  const follower = new StatusFollower(speaker, want, others, ({ ref }, findings) =>
    told.push(...findings.map(({ field, message }) => `${ref.name} ${field} ${message}`)),
  )
  return { state, follower, wanted, told }
}

test('a revision is followed where it has something to say, and nowhere else', () => {
  const { state, follower, wanted } = rig()
  follower.settled(NOTHING)
  assert.deepEqual(wanted, [])
  state.concerned = new Set(['TrafficSplit shop/b', 'Service shop/web', 'TrafficSplit shop/gone'])
  state.findings = [finding(B.ref, 'ApexNotFound', 'spec.service', 'It is nowhere.')]
  follower.settled(NOTHING)
  assert.equal(wanted.length, 1)
  assert.match(wanted[0] ?? '', /^b .*ApexNotFound/)
})

test('what is wrong with an object without a status is told once, and again after it was well', () => {
  const { state, follower, wanted, told } = rig()
  const wrong = (field: string) => finding(SERVICE.ref, 'AnnotationValue', field, 'means nothing')
  state.findings = [wrong('a')]
  follower.all()
  assert.deepEqual(told.splice(0), ['web a means nothing'])
  state.concerned = new Set(['Service shop/web'])
  state.findings = [wrong('a'), wrong('b')]
  wanted.length = 0
  follower.settled(NOTHING)
  follower.settled(NOTHING)
  assert.deepEqual([told.splice(0), wanted], [['web b means nothing'], []])
  state.findings = []
  follower.settled(NOTHING)
  state.findings = [wrong('a')]
  follower.settled(NOTHING)
  assert.deepEqual(told, ['web a means nothing'])
})

test('to begin with, every object of SMI has something said of it, and no other has', () => {
  const { follower, wanted } = rig()
  follower.all()
  assert.deepEqual(wanted, ['a', 'b'])
})

test('what a proxy refused is said while it refuses, and no longer, though the object never changed', () => {
  const { state, follower, wanted } = rig()
  state.refused = [proxyRejected(A.ref, { message: 'no such filter' })]
  follower.refusals()
  state.refused = []
  follower.settled(NOTHING)
  follower.settled(NOTHING)
  assert.deepEqual(wanted, ['a ProxyRejected', 'a'])
})

test('what proxies of other replicas refuse is said like that of our own, and taken back', () => {
  const { state, follower, wanted } = rig()
  state.others = [proxyRejected(A.ref, { message: 'no such cluster' })]
  follower.othersRefusals()
  state.others = []
  follower.othersRefusals()
  follower.othersRefusals()
  assert.deepEqual(wanted, ['a ProxyRejected', 'a'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import { SCENE, World } from '../../testdata/world.ts'
import { fieldsOf, listOf } from '../facts/read.ts'
import { trial } from '../trial.ts'
import { admissionAnswer, admissionRequest, type Verdict } from './admission-review.ts'
import { judgeSmi } from './judge-smi.ts'

const SPLIT = {
  apiVersion: 'split.smi-spec.io/v1alpha4',
  kind: 'TrafficSplit',
  metadata: { name: 'canary', namespace: 'shop' },
  spec: { service: 'web', backends: [{ service: 'web-v1', weight: 90 }] },
}

function reviewOf(object: unknown, more: object = {}): unknown {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      kind: { group: 'split.smi-spec.io', version: 'v1alpha4', kind: 'TrafficSplit' },
      operation: 'CREATE',
      namespace: 'shop',
      name: 'canary',
      object,
      ...more,
    },
  }
}

/** What a mesh of the usual scenery says of a split that is about to be written. */
function verdictOn(object: unknown, more: object = {}): Verdict {
  const world = new World()
  world.put(...SCENE)
  const request = admissionRequest(reviewOf(object, more))
  assert.ok(typeof request !== 'string', String(request))
  return judgeSmi(request, change => trial(change, world.graph, world.facts, world.findings))
}

function withBackends(...backends: readonly object[]) {
  return { ...SPLIT, spec: { ...SPLIT.spec, backends } }
}

test('an object that does what it says passes without a word', () => {
  assert.deepEqual(verdictOn(SPLIT), { kind: 'allowed', warnings: [] })
})

test('a backend that is not there yet is a warning that names field and remedy', () => {
  const { kind, warnings } = verdictOn(withBackends({ service: 'web-v9', weight: 1 }))
  assert.equal(kind, 'allowed')
  assert.match(warnings[0] ?? '', /^spec\.backends\[0\]\.service: Service shop\/web-v9 does not exist/)
})

test('what the schema forbids is denied, with object, field and reason', () => {
  const verdict = verdictOn(withBackends({ service: 'web-v1', weight: -1 }))
  assert.equal(verdict.kind, 'denied')
  assert.match(
    verdict.kind === 'denied' ? verdict.message : '',
    /TrafficSplit shop\/canary: spec\.backends\[0\]\.weight: /,
  )
})

test('who changes a label of an object that was wrong before is not held up', () => {
  const wrong = withBackends({ service: 'web-v1', weight: -1 })
  const labelled = { ...wrong, metadata: { ...wrong.metadata, labels: { team: 'a' } } }
  const { kind, warnings } = verdictOn(labelled, { operation: 'UPDATE', oldObject: wrong })
  assert.equal(kind, 'allowed')
  assert.equal(warnings.length > 0, true)
  assert.equal(verdictOn(wrong, { operation: 'UPDATE', oldObject: SPLIT }).kind, 'denied')
})

test('a deletion, and the last write of an object that is going, always pass', () => {
  assert.deepEqual(verdictOn(null, { operation: 'DELETE' }), { kind: 'allowed', warnings: [] })
  const wrong = withBackends({ service: 'web-v1', weight: -1 })
  const going = { ...wrong, metadata: { ...wrong.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }
  assert.deepEqual(verdictOn(going), { kind: 'allowed', warnings: [] })
})

test('an object without a name yet is judged like any other', () => {
  const { kind } = verdictOn({ ...SPLIT, metadata: { generateName: 'canary-', namespace: 'shop' } }, { name: '' })
  assert.equal(kind, 'allowed')
})

test('nothing but the object that was sent is tried out, whatever the request calls it', () => {
  for (const kind of [
    { group: '', version: 'v1', kind: 'Namespace' },
    { group: 'access.smi-spec.io', version: 'v1alpha3', kind: 'TrafficTarget' },
  ]) {
    const request = admissionRequest(reviewOf(SPLIT, { kind }))
    assert.ok(typeof request !== 'string', String(request))
    const tried: string[] = []
    const { kind: outcome } = judgeSmi(request, ({ ref }) => {
      tried.push(refText(ref))
      return []
    })
    assert.deepEqual([outcome, tried], ['allowed', ['TrafficSplit shop/canary']])
  }
})

test('nothing is told of other namespaces than that of the object', () => {
  const source = (namespace: string) => ({ kind: 'ServiceAccount', name: 'nobody', namespace })
  const sources = [source('shop'), source('bank')]
  const rules = [{ kind: 'TCPRoute', name: 'any' }]
  const destination = { kind: 'ServiceAccount', name: 'web-v1', namespace: 'shop' }
  const metadata = { name: 'to-web', namespace: 'shop' }
  const target = (version: string) => ({ apiVersion: `access.smi-spec.io/${version}`, kind: 'TrafficTarget', metadata })
  for (const written of [
    { ...target('v1alpha4'), spec: { destination, sources, rules } },
    { ...target('v1alpha1'), destination, sources, specs: [{ kind: 'TCPRoute', name: 'any' }] },
  ]) {
    const { warnings } = verdictOn(written, { name: 'to-web' })
    const told = warnings.filter(text => text.includes('nobody'))
    assert.deepEqual([told.length, told.join().includes('shop/nobody')], [1, true], warnings.join('\n'))
  }
})

test('an answer repeats the uid, and bears no more warnings than an API server passes on', () => {
  const warnings = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(1_000)}`)
  const response = fieldsOf(admissionAnswer('u-1', { kind: 'allowed', warnings })['response'])
  assert.deepEqual([response['uid'], response['allowed']], ['u-1', true])
  const said = listOf(response['warnings'])
  assert.ok(said.join('').length <= 4_096)
  assert.match(String(said.at(-1)), /^28 more warnings/)
})

test('a patch goes as base64, and an empty one not at all', () => {
  const patch = [{ op: 'add', path: '/a', value: 1 }]
  const response = fieldsOf(admissionAnswer('u', { kind: 'allowed', warnings: [], patch })['response'])
  assert.deepEqual(JSON.parse(Buffer.from(String(response['patch']), 'base64').toString()), patch)
  assert.equal(
    'patch' in fieldsOf(admissionAnswer('u', { kind: 'allowed', warnings: [], patch: [] })['response']),
    false,
  )
})

test('what is no AdmissionReview of a version we know is refused in words', () => {
  for (const body of [
    null,
    [],
    {},
    { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1beta1' },
    reviewOf({}, { uid: '' }),
  ]) {
    assert.equal(typeof admissionRequest(body), 'string', JSON.stringify(body))
  }
})

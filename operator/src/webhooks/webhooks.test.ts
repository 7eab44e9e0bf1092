/** The webhooks as an API server finds them, and what becomes of reviews that no API server should send. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { INJECTION } from '../../testdata/injection.ts'
import { SCENE, World } from '../../testdata/world.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import type { Announcement } from '../status/announce.ts'
import { trial } from '../trial.ts'
import { webhooks } from './webhooks.ts'

const SPLIT = {
  apiVersion: 'split.smi-spec.io/v1alpha4',
  kind: 'TrafficSplit',
  metadata: { name: 'canary', namespace: 'shop' },
  spec: { service: 'web', backends: [{ service: 'web-v1', weight: 90 }] },
}
const POD = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'app' }] } }

interface Scene {
  readonly said: Announcement[]
  /** The answer of a path: a review, or the sentence that refuses it. */
  readonly answer: (path: string, body: unknown) => Fields | string
}

function scene(): Scene {
  const world = new World()
  world.put(...SCENE)
  const said: Announcement[] = []
  const paths = webhooks({
    whatIf: change => trial(change, world.graph, world.facts, world.findings),
    uninjected: namespace => world.facts.namespaces.get(namespace)?.uninjected ?? 'unknown',
    injection: INJECTION,
    serves: () => true,
    announcer: { warn: (_about, announcement) => said.push(announcement) },
  })
  return { said, answer: (path, body) => paths.get(path)?.answer(body) ?? assert.fail(path) }
}

function admission(object: unknown, kind: Fields, more: Fields = {}): unknown {
  const request = { uid: 'u-1', kind, operation: 'CREATE', namespace: 'shop', name: 'x', object, ...more }
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }
}

function conversion(objects: readonly unknown[], desiredAPIVersion: string): unknown {
  const request = { uid: 'u-1', desiredAPIVersion, objects }
  return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', request }
}

const ofSplit = { group: 'split.smi-spec.io', version: 'v1alpha4', kind: 'TrafficSplit' }
const ofPod = { group: '', version: 'v1', kind: 'Pod' }
const ofDeployment = { group: 'apps', version: 'v1', kind: 'Deployment' }
const responseOf = (answer: Fields | string) =>
  fieldsOf(typeof answer === 'string' ? assert.fail(answer) : answer['response'])
const messageOf = (answer: Fields | string) => textOf(fieldsOf(responseOf(answer)['status'])['message'])

for (const [what, path, body, sentence] of [
  ['a conversion where admissions are judged', '/validate', conversion([SPLIT], 'v1alpha1'), /^An AdmissionReview of/],
  ['a conversion where pods are injected', '/inject', conversion([SPLIT], 'v1alpha1'), /^An AdmissionReview of/],
  ['an admission where objects are converted', '/convert', admission(SPLIT, ofSplit), /^A ConversionReview of/],
  [
    'a Deployment where pods are injected',
    '/inject',
    admission({ ...POD }, ofDeployment),
    /Deployment is none: correct/,
  ],
  ['a Pod where objects of SMI are judged', '/validate', admission(POD, ofPod), /Pod is none: correct/],
] as const) {
  test(`${what} is refused with a sentence, and the next review is answered`, () => {
    const { answer } = scene()
    const said = answer(path, body)
    assert.match(typeof said === 'string' ? said : JSON.stringify(said), sentence)
    assert.equal(responseOf(answer('/validate', admission(SPLIT, ofSplit)))['allowed'], true)
  })
}

test('a version that is not served is denied, and told which ones are', () => {
  const { answer } = scene()
  const future = { ...SPLIT, apiVersion: 'split.smi-spec.io/v1beta1' }
  const said = messageOf(answer('/validate', admission(future, { ...ofSplit, version: 'v1beta1' })))
  assert.match(
    said,
    /TrafficSplit shop\/x: apiVersion: TrafficSplit is not served in version "v1beta1"; write .*v1alpha4/,
  )
})

test('a field that no version has is told by its path', () => {
  const { answer } = scene()
  const odd = { ...SPLIT, spec: { ...SPLIT.spec, wieghts: 3 } }
  const said = JSON.stringify(responseOf(answer('/validate', admission(odd, ofSplit))))
  assert.match(said, /spec\.wieghts/)
})

test('an object of 3 MB is judged or denied with a sentence, and leaves the mesh as it was', () => {
  const { answer } = scene()
  const before = JSON.stringify(answer('/validate', admission(SPLIT, ofSplit)))
  const backends = Array.from({ length: 40_000 }, (_, at) => ({ service: `web-${at}-${'x'.repeat(40)}`, weight: 1 }))
  const huge = { ...SPLIT, spec: { ...SPLIT.spec, backends } }
  const response = responseOf(answer('/validate', admission(huge, ofSplit)))
  const text = JSON.stringify(response)
  assert.ok(text.length < 10_000, `${text.length} characters`)
  assert.match(text, /backends/)
  assert.equal(JSON.stringify(answer('/validate', admission(SPLIT, ofSplit))), before)
})

test('of two fields of the same name the last counts, and no field reaches beyond its object', () => {
  const { answer } = scene()
  const said = `{"apiVersion":"split.smi-spec.io/v1alpha4","kind":"TrafficSplit","metadata":{"name":"x","__proto__":{"deletionTimestamp":"now"}},
    "spec":{"service":"web","backends":[{"service":"web-v1","weight":1}],"backends":[{"service":"web-v1","weight":-1}]}}`
  const response = responseOf(answer('/validate', admission(JSON.parse(said), ofSplit)))
  assert.equal(response['allowed'], false)
  assert.match(JSON.stringify(response), /spec\.backends\[0\]\.weight/)
  assert.equal('deletionTimestamp' in {}, false)
})

test('one deep object in a list is converted like its neighbours', () => {
  const { answer } = scene()
  const deep = JSON.parse(`${'{"f:a":['.repeat(4_000)}1${']}'.repeat(4_000)}`)
  const metadata = { ...SPLIT.metadata, managedFields: [{ manager: 'x', fieldsV1: deep }] }
  const lists = [SPLIT, { ...SPLIT, metadata }, { ...SPLIT, spec: { ...SPLIT.spec, deep } }]
  const response = responseOf(answer('/convert', conversion(lists, 'split.smi-spec.io/v1alpha1')))
  assert.deepEqual(response['result'], { status: 'Success' })
  const versions = listOf(response['convertedObjects']).map(one => fieldsOf(one)['apiVersion'])
  assert.deepEqual(versions, Array(3).fill('split.smi-spec.io/v1alpha1'))
})

test('a dry run writes no event, as the webhook promises its API server', () => {
  const { said, answer } = scene()
  const hosted = { ...POD, spec: { ...POD.spec, hostNetwork: true } }
  answer('/inject', admission(hosted, ofPod, { dryRun: true }))
  assert.deepEqual(said, [])
  answer('/inject', admission(hosted, ofPod))
  assert.deepEqual(
    said.map(({ reason }) => reason),
    ['HostNetwork'],
  )
})

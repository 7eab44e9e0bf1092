import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Scene } from '../case.ts'
import { CaseError, readCase, versionsOf } from './read.ts'

const SCENE: Scene = {
  group: 'split',
  says: 'Nobody is there.',
  namespaces: ['default'],
  access: { mode: 'enforce', unidentified: 'deny' },
  workloads: [],
  services: [],
}

const read = (source: string) => readCase(source, 'canary.yaml', 'split/canary', SCENE)

function complaint(source: string): string {
  try {
    read(source)
  } catch (error) {
    assert.ok(error instanceof CaseError)
    return error.message
  }
  return 'none'
}

const HEAD = 'title: Traffic is divided\nspec: [split.weights]\n'

test('a field that cases do not have is named with the file and its place', () => {
  const said = complaint(
    `${HEAD}steps:\n- when: {from: client, to: 'website:8080', call: GET /, often: 3}\n  then: allowed\n`,
  )
  assert.equal(said, 'canary.yaml: steps.0.when has no field "often"; remove it or correct its name.')
})

test('what a case lacks is named', () => {
  assert.equal(
    complaint('title: Traffic is divided\nsteps: [{then: allowed}]\n').split('\n')[0],
    'canary.yaml: the document lacks the field "spec"; add it.',
  )
})

test('a question without an answer is refused', () => {
  assert.match(complaint(`${HEAD}steps:\n- when: {from: client, to: 'website:8080', call: GET /}\n`), /then/)
})

const CALL = "when: {from: client, to: 'website:8080', call: GET /}"

test('an answer is one answer, with the port beside the pods it is of', () => {
  const condition = '{of: TrafficSplit/a, type: Accepted, status: "True", reason: a}'
  const refused = '{apiVersion: v1, kind: a, metadata: {name: a}}'
  const two = complaint(`${HEAD}steps:\n- then: {condition: ${condition}, refused: ${refused}}\n`)
  assert.match(two, /steps\.0\.then must NOT have more than 1 properties/)
  assert.match(complaint(`${HEAD}steps:\n- ${CALL}\n  then: {by: v1, shares: {v1: 1}}\n`), /more than 1 properties/)
  assert.match(
    complaint(`${HEAD}steps:\n- ${CALL}\n  then: {by: v1, at: 1, shares: {v1: 1}}\n`),
    /more than 2 properties/,
  )
  assert.equal(complaint(`${HEAD}steps:\n- ${CALL}\n  then: {by: v1, at: 8080}\n`), 'none')
})

test('shares of nothing are refused, since any answer would fit them', () => {
  const said = complaint(`${HEAD}steps:\n- ${CALL}\n  then: {shares: {v1: 0, v2: 0}}\n`)
  assert.equal(said, 'canary.yaml: The shares are all 0; give one of them more, or write unavailable.')
})

test('text that is no YAML is refused with its file', () => {
  assert.match(complaint('title: [\n'), /^canary\.yaml: /)
})

test('an unknown capability is answered with those there are', () => {
  assert.match(
    complaint(`${HEAD}needs: [magic]\nsteps: [{scale: {v1: 0}}]\n`),
    /needs\.0 is "magic"; write one of .*grpc, /,
  )
})

const SPLIT = `${HEAD}given:
- apiVersion: split.smi-spec.io/v1alpha4
  kind: TrafficSplit
  metadata: {name: canary}
  spec: {service: website, backends: [{service: v1, weight: 3}]}
`

test('a case is run once more for each version that it is also in', () => {
  const cases = read(`${SPLIT}alsoIn: [v1alpha1, v1alpha2]\nsteps: [{scale: {v1: 0}}]\n`)
  assert.deepEqual(
    cases.map(one => [one.id, versionsOf(one)]),
    [
      ['split/canary', ['TrafficSplit v1alpha4']],
      ['split/canary@v1alpha1', ['TrafficSplit v1alpha1']],
      ['split/canary@v1alpha2', ['TrafficSplit v1alpha2']],
    ],
  )
  assert.deepEqual(cases[1]?.given[0]?.['spec'], { service: 'website', backends: [{ service: 'v1', weight: '3' }] })
})

test('a version that cannot say what the case says is refused, and nothing is dropped', () => {
  const withMatches = SPLIT.replace(
    'service: website,',
    'service: website, matches: [{kind: HTTPRouteGroup, name: a}],',
  )
  assert.match(
    complaint(`${withMatches}alsoIn: [v1alpha2]\nsteps: [{scale: {v1: 0}}]\n`),
    /canary\.yaml: alsoIn v1alpha2: TrafficSplits have matches from v1alpha3 on\./,
  )
})

test('a call is read with the host that a client would send', () => {
  const [one] = read(
    `${HEAD}steps:\n- when: {from: client, to: 'website.other:8080', call: GET /a}\n  then: {by: v1}\n`,
  )
  const ask = one?.steps[0]?.ask
  assert.ok(ask?.kind === 'call')
  assert.deepEqual(ask.when.to, { kind: 'service', namespace: 'other', name: 'website', port: 8080 })
  assert.deepEqual(ask.when.call, { kind: 'http', method: 'GET', path: '/a', headers: [['Host', 'website:8080']] })
})

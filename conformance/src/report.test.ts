import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Case } from './case.ts'
import { byVersion, json, junit, markdown } from './report.ts'
import type { SpecText } from './spec.ts'
import type { Verdict } from './suite/run-case.ts'
import type { SuiteResult } from './suite.ts'

function result(id: string, kind: string, version: string, verdict: Verdict) {
  const access = { mode: 'enforce', unidentified: 'deny' } as const
  const scene = { group: 'g', says: '', namespaces: [], access, workloads: [], services: [] }
  const given = [{ apiVersion: `split.smi-spec.io/${version}`, kind, metadata: { name: 'a' } }]
  const one: Case = {
    id,
    file: '',
    title: 'A < B & "C"',
    scene,
    spec: ['split.weights'],
    needs: [],
    access,
    given,
    steps: [],
  }
  return { case: one, verdict, ms: 1_500 }
}

const RESULT: SuiteResult = {
  driver: 'model',
  ms: 3_000,
  results: [
    result('g/one', 'TrafficSplit', 'v1alpha4', { kind: 'passed' }),
    result('g/two', 'TrafficSplit', 'v1alpha4', { kind: 'failed', why: '1 < 2 | 3\n\u0007' }),
    result('g/three', 'TrafficSplit', 'v1alpha1', { kind: 'passed' }),
    result('g/four', 'UDPRoute', 'v1alpha4', { kind: 'skipped', why: 'no UDP' }),
  ],
}

const SPEC: SpecText = {
  sentences: ['split.weights', 'split.root', 'l4.udp'].map(id => ({ id, of: 'traffic', versions: [], quote: '' })),
  unchecked: [],
}

test('a version is supported fully, in part or not at all', () => {
  assert.deepEqual(
    byVersion(RESULT).map(({ kind, version, support }) => `${kind} ${version} ${support}`),
    ['TrafficSplit v1alpha1 FULL', 'TrafficSplit v1alpha4 PARTIAL', 'UDPRoute v1alpha4 NONE'],
  )
})

test('the report for people names what differs and what was not asked', () => {
  const text = markdown(RESULT, SPEC)
  assert.match(text, /^# SMI conformance: model: 2 passed, 1 failed, 1 skipped in 3\.0 s/)
  assert.match(text, /\| g\/two \| A < B & "C" \| 1 < 2 \\\| 3/)
  assert.match(text, /- no UDP: g\/four/)
})

test('the report for people counts the sentences that hold, and says of the others why nobody knows', () => {
  const [first, second] = RESULT.results
  assert.ok(first && second)
  const skipped: Verdict = { kind: 'skipped', why: 'no UDP' }
  const about = (id: string, verdict: Verdict) => ({ ...first, verdict, case: { ...first.case, spec: [id] } })
  const results = [first, about('split.root', second.verdict), about('l4.udp', skipped)]
  const text = markdown({ ...RESULT, results }, SPEC)
  assert.match(text, /Of 3 sentences of the texts 1 hold by at least one case, and no case differs\./)
  assert.match(text, /\| split\.root \| differs in g\/one \|\n\| l4\.udp \| no UDP \|/)
})

test('a sentence holds no longer once one of its cases differs, and not by cases that a run leaves out', () => {
  const text = markdown(RESULT, SPEC)
  assert.match(text, /Of 3 sentences of the texts 0 hold/)
  assert.match(text, /\| split\.weights \| differs in g\/two \|\n\| split\.root \| this run has none of its cases \|/)
})

test('the report for machines escapes what XML cannot bear', () => {
  const text = junit(RESULT)
  assert.match(text, /tests="4" failures="1" skipped="1" time="3\.000"/)
  assert.match(
    text,
    /name="g\/two: A &lt; B &amp; &quot;C&quot;" time="1\.500"><failure message="1 &lt; 2 \| 3&#10;"\/>/,
  )
})

test('the report as JSON has every case with its sentences', () => {
  const { passed, cases } = JSON.parse(json(RESULT))
  assert.equal(passed, 2)
  assert.deepEqual(cases[1], {
    ...{ id: 'g/two', title: 'A < B & "C"', spec: ['split.weights'], versions: ['TrafficSplit v1alpha4'] },
    ...{ result: 'failed', why: '1 < 2 | 3\n\u0007', ms: 1500 },
  })
})

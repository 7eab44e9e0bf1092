import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Case } from '../case.ts'
import { greens, listedIn, surprises } from './known-failing.ts'
import type { Verdict } from './run-case.ts'

function result(id: string, verdict: Verdict) {
  const access = { mode: 'enforce', unidentified: 'deny' } as const
  const scene = { group: 'a', says: '', namespaces: [], access, workloads: [], services: [] }
  const one: Case = { id, file: '', title: '', scene, spec: [], needs: [], access, given: [], steps: [] }
  return { case: one, verdict, ms: 0 }
}

const RESULTS = [
  result('a/good', { kind: 'passed' }),
  result('a/bad', { kind: 'failed', why: 'it differs' }),
  result('a/elsewhere', { kind: 'skipped', why: 'no cluster' }),
]

test('a case that differs fails the run unless it is listed', () => {
  assert.deepEqual(surprises(RESULTS, new Set()), ['a/bad: it differs'])
  assert.deepEqual(surprises(RESULTS, listedIn('# known\na/bad  # until Envoy knows how\n')), [])
})

test('a listed case that passes, or is no case, fails the run', () => {
  assert.deepEqual(surprises(RESULTS, new Set(['a/bad', 'a/good', 'a/gone'])), [
    'a/good is listed as failing, and passes; remove the line.',
    'a/gone is listed as failing, and there is no such case; remove the line.',
  ])
})

test('a listed case that cannot be asked is no news', () => {
  assert.deepEqual(surprises(RESULTS, new Set(['a/bad', 'a/elsewhere'])), [])
})

test('where no mesh is, a case that passes is told, and one that fails is as it has to be', () => {
  assert.deepEqual(greens(RESULTS), [
    'a/good passes where no mesh is: correct it, or say in passes-without-mesh.txt why it may.',
  ])
})

test('where no mesh is, a case that could not be asked proves nothing', () => {
  const verdict: Verdict = { kind: 'failed', why: 'connection refused', unasked: true }
  assert.deepEqual(greens([result('a/unasked', verdict)]), [
    'a/unasked could not be asked, so that nothing is known of it: connection refused',
  ])
})

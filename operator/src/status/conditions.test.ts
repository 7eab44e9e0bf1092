import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import { type World, world } from '../../testdata/world.ts'
import { finding } from '../compile/index.ts'
import { conditionsOf, statusDocument } from './index.ts'

const SPLIT = { kind: 'TrafficSplit', namespace: 'shop', name: 'canary' }

function summary(...findings: Parameters<typeof conditionsOf>[0]) {
  return conditionsOf(findings, 7).map(({ type, status, reason }) => `${type}=${status} ${reason}`)
}

test('an object of which nothing is to be said is accepted, resolved and programmed', () => {
  assert.deepEqual(summary(), [
    'Accepted=True Accepted',
    'ResolvedRefs=True ResolvedRefs',
    'Programmed=True Programmed',
  ])
})

test('every condition names the generation it was found for', () => {
  assert.deepEqual(
    conditionsOf([], 7).map(({ observedGeneration }) => observedGeneration),
    [7, 7, 7],
  )
})

test('the gravest finding gives a condition its reason, and all of them its message', () => {
  const [, refs] = conditionsOf(
    [finding(SPLIT, 'PortNotFound', 'b', 'Second.'), finding(SPLIT, 'ApexNotFound', 'a', 'First.')],
    1,
  )
  assert.deepEqual([refs?.status, refs?.reason, refs?.message], ['False', 'ApexNotFound', 'a: First.\nb: Second.'])
})

test('a warning leaves its condition true, with reason and message', () => {
  const [accepted] = conditionsOf([finding(SPLIT, 'Lenient', '', 'Better so.')], 1)
  assert.deepEqual([accepted?.status, accepted?.reason, accepted?.message], ['True', 'Lenient', 'Better so.'])
})

test('what is not accepted is not programmed as written', () => {
  assert.deepEqual(summary(finding(SPLIT, 'Conflicted', '', 'Older.')), [
    'Accepted=False Conflicted',
    'ResolvedRefs=True ResolvedRefs',
    'Programmed=False NotAccepted',
  ])
})

function status(made: World) {
  return statusDocument(
    [...made.facts.subjects.entries()].map(([, subject]) => subject),
    ({ ref }) => made.findings.get(refText(ref)) ?? [],
  )
}

test('the status document has conditions for every SMI object and remarks on others that have any', () => {
  const document = status(
    world(`
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: canary, namespace: shop, generation: 3}
spec: {service: web, backends: [{service: web-v1, weight: 1}]}
---
apiVersion: v1
kind: Service
metadata: {name: odd, namespace: shop}
spec: {ports: [{port: 0}]}
`),
  )
  assert.deepEqual(
    document.map(({ kind, name }) => `${kind} ${name}`),
    ['Service odd', 'TrafficSplit canary'],
  )
  const split = document[1]
  assert.deepEqual(
    split !== undefined &&
      'conditions' in split &&
      split.conditions.map(({ observedGeneration }) => observedGeneration),
    [3, 3, 3],
  )
})

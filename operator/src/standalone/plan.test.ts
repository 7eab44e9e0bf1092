import assert from 'node:assert/strict'
import { test } from 'node:test'
import { podKey } from '@smi-mesh/dataplane/mesh'
import type { DesiredPod } from './desired.ts'
import { type PodState, plan } from './plan.ts'

const pod = (kind: string, name: string, revision: string): DesiredPod => ({
  key: podKey('shop', name),
  namespace: 'shop',
  name,
  controller: { kind, namespace: 'shop', name: kind === 'Deployment' ? 'web' : 'db' },
  revision,
  labels: {},
  annotations: {},
  ownerReferences: [],
  spec: { serviceAccount: 'default', containers: [], graceMs: 0 },
  manifest: {},
})
const web = (revision: string, ordinal: number) => pod('Deployment', `web-${revision}-${ordinal}`, revision)
const db = (revision: string, ordinal: number) => pod('StatefulSet', `db-${ordinal}`, revision)
const runs = (state: PodState, ...pods: readonly DesiredPod[]) => pods.map(pod => ({ pod, state }))
const names = (desired: readonly DesiredPod[], running: ReturnType<typeof runs>) => {
  const { start, stop } = plan(desired, running)
  return { start: start.map(({ name }) => name), stop }
}

test('pods of the old revision answer until all of the new one do', () => {
  const desired = [web('b', 0), web('b', 1)]
  const old = runs('ready', web('a', 0), web('a', 1))
  assert.deepEqual(names(desired, old), { start: ['web-b-0', 'web-b-1'], stop: [] })
  const half = [...old, ...runs('ready', web('b', 0)), ...runs('unready', web('b', 1))]
  assert.deepEqual(names(desired, half), { start: [], stop: [] })
  assert.deepEqual(names(desired, [...old, ...runs('ready', ...desired)]), {
    start: [],
    stop: ['shop/web-a-0', 'shop/web-a-1'],
  })
})

test('a revision that never became ready is given up at once when a newer one comes', () => {
  const running = [...runs('ready', web('a', 0)), ...runs('unready', web('b', 0))]
  assert.deepEqual(names([web('c', 0)], running), { start: ['web-c-0'], stop: ['shop/web-b-0'] })
})

test('scaling down and deleting stop at once', () => {
  assert.deepEqual(names([web('a', 0)], runs('ready', web('a', 0), web('a', 1))), { start: [], stop: ['shop/web-a-1'] })
  assert.deepEqual(names([], runs('ready', web('a', 0))), { start: [], stop: ['shop/web-a-0'] })
})

test('pods with names of their own are exchanged one by one, the last first', () => {
  const desired = [db('b', 0), db('b', 1)]
  assert.deepEqual(names(desired, runs('ready', db('a', 0), db('a', 1))), { start: [], stop: ['shop/db-1'] })
  assert.deepEqual(names(desired, [...runs('ready', db('a', 0)), ...runs('stopping', db('a', 1))]), {
    start: [],
    stop: [],
  })
  assert.deepEqual(names(desired, runs('ready', db('a', 0))), { start: ['db-1'], stop: [] })
  assert.deepEqual(names(desired, [...runs('ready', db('a', 0)), ...runs('unready', db('b', 1))]), {
    start: [],
    stop: [],
  })
  assert.deepEqual(names(desired, [...runs('ready', db('a', 0)), ...runs('ready', db('b', 1))]), {
    start: [],
    stop: ['shop/db-0'],
  })
})

test('a pod that is stopping is left alone', () => {
  assert.deepEqual(names([], runs('stopping', web('a', 0))), { start: [], stop: [] })
})

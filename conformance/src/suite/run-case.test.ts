import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ask, Case } from '../case.ts'
import type { Stage } from './driver.ts'
import { runCase } from './run-case.ts'

const nothing = async () => undefined

/** Somebody who says one thing, whatever is asked. */
function stageSaying(answer: unknown): Stage {
  const seen = { kind: 'counted', outcomes: [] } as const
  return {
    ...{ begin: nothing, change: nothing, stop: nothing, refusalOf: nothing, read: nothing },
    ...{ call: async () => seen, conditionsOf: async () => [], get: async () => answer },
  }
}

async function verdictOn(ask: Ask, answer: unknown) {
  const access = { mode: 'enforce', unidentified: 'deny' } as const
  const scene = { group: 'a', says: '', namespaces: [], access, workloads: [], services: [] }
  const steps = [{ apply: [], delete: [], scale: {}, ask }]
  const one: Case = { id: 'a/b', file: '', title: '', scene, spec: [], needs: [], access, given: [], steps }
  return await runCase(stageSaying(answer), one)
}

test('an answer that has what it may not have is told', async () => {
  const ask: Ask = {
    kind: 'get',
    path: '/apis/a',
    expected: { items: [{ name: 'a' }] },
    unwanted: { items: [{ name: 'b' }] },
  }
  assert.deepEqual(await verdictOn(ask, { items: [{ name: 'a' }] }), { kind: 'passed' })
  assert.deepEqual(await verdictOn(ask, { items: [{ name: 'a' }, { name: 'b' }] }), {
    kind: 'failed',
    why: 'step 1: /apis/a has {"items":[{"name":"b"}]}: {"items":[{"name":"a"},{"name":"b"}]}',
  })
})

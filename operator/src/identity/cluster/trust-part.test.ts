import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Owner, ownerAfter } from './trust-part.ts'

const ref = (uid: string) => ({ apiVersion: 'v1', kind: 'MutatingWebhookConfiguration', name: 'smi-mesh', uid })
const UNKNOWN: Owner = { kind: 'unknown' }

test('who owns the roots is known, nobody, or just gone, and then it is not written', () => {
  const first = ownerAfter(UNKNOWN, ref('first'))
  assert.deepEqual(first, { kind: 'known', ref: ref('first') })
  assert.equal(ownerAfter(first, ref('first')), first, 'nothing new')
  const gone = ownerAfter(first, undefined)
  assert.deepEqual(gone, { kind: 'gone' })
  assert.equal(ownerAfter(gone, undefined), gone)
  assert.deepEqual(ownerAfter(gone, ref('second')), { kind: 'known', ref: ref('second') })
})

test('where nothing was ever installed, nobody owns them', () => {
  const none = ownerAfter(UNKNOWN, undefined)
  assert.deepEqual(none, { kind: 'none' })
  assert.equal(ownerAfter(none, undefined), none)
})

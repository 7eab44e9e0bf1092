import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Parts } from './part.ts'

function rig() {
  const told: string[] = []
  const parts = new Parts()
  parts.add({
    lead: leads => told.push(leads ? 'leads' : 'leads no more'),
    changed: () => told.push('changed'),
    unready: () => ['It waits for roots.'],
    stop: async () => undefined,
  })
  parts.add({ stop: async () => undefined })
  return { parts, told }
}

test('whoever leads before it serves is told so once it serves; until then that something has changed', () => {
  const { parts, told } = rig()
  parts.lead(true)
  assert.deepEqual([told, parts.serving], [['changed'], false])
  parts.serve()
  assert.deepEqual([told, parts.serving], [['changed', 'leads'], true])
  parts.lead(false)
  assert.equal(told.at(-1), 'leads no more')
})

test('whoever led no more by the time it serves is told nothing of it', () => {
  const { parts, told } = rig()
  parts.lead(true)
  parts.lead(false)
  parts.serve()
  assert.ok(!told.includes('leads'))
})

test('what parts wait for is said by all of them together', () => {
  assert.deepEqual(rig().parts.unready(), ['It waits for roots.'])
})

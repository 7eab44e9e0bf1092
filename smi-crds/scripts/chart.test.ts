import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { it } from 'node:test'
import { KINDS } from '../src/index.ts'
import { chartTemplates, TEMPLATES } from './chart.ts'

it('the chart brings the definitions of crds/, and no other (npm run generate)', () => {
  const there = readdirSync(TEMPLATES).map(file => [file, readFileSync(new URL(file, TEMPLATES), 'utf8')])
  assert.deepEqual(Object.fromEntries(there), Object.fromEntries(chartTemplates()))
})

it('a kind of several versions says who converts between them', () => {
  for (const { group, plural, versions } of KINDS) {
    const text = chartTemplates().get(`${plural}.${group}.yaml`) ?? ''
    assert.equal(text.includes('strategy: Webhook'), versions.length > 1, plural)
  }
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const SMICTL = join(import.meta.dirname, '../bin/smictl')
const SPLIT = `apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: canary, namespace: shop}
spec: {service: web, backends: [{service: web-v1, weight: 90}]}
`

function smictl(input: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(SMICTL, words, { input, encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('what is piped in is converted', () => {
  const { status, stdout } = smictl(SPLIT, 'convert', '--to', 'split.smi-spec.io/v1alpha2', '-')
  assert.equal(status, 0)
  assert.match(stdout, /^apiVersion: split\.smi-spec\.io\/v1alpha2$/m)
})

test('what is wrong with it is said, with its line', () => {
  const { status, stdout } = smictl(SPLIT.replace('weight: 90', 'weight: none'), 'validate', '--no-references', '-')
  assert.equal(status, 1)
  assert.match(stdout, /standard input:1 .*shop\/canary .*spec\.backends\[0\]\.weight/)
})

test('nothing piped in is nothing', () => {
  const { status, stderr } = smictl('', 'validate', '-')
  assert.deepEqual([status, stderr], [0, '0 objects, 0 errors, 0 warnings\n'])
})

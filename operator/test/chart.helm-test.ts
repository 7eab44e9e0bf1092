/** What the chart renders, and what it refuses, by the word of Helm itself. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CHART, findHelm, render } from './helm.ts'

const helm = findHelm() ?? ''
const skip = helm === '' ? 'Helm is missing: run `make cluster-tools`, or set HELM to the program.' : false
if (skip) process.stderr.write(`\n*** The chart is NOT tested. ${skip} ***\n\n`)

const VALUES = join(CHART, 'tests/values')
const cases = readdirSync(VALUES).map(file => ({ file, values: join(VALUES, file) }))

describe('the chart', { skip }, () => {
  for (const { file, values } of cases) {
    test(`renders what tests/golden/${file} shows`, () => {
      const golden = join(CHART, 'tests/golden', file)
      const rendered = render(helm, values)
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, rendered)
      assert.equal(rendered, readFileSync(golden, 'utf8'), 'run: UPDATE_GOLDEN=1 npm run test:helm')
    })

    test(`is well made, by the word of helm lint, with ${file}`, () => {
      execFileSync(helm, ['lint', '--strict', CHART, '-f', values], { stdio: 'pipe' })
    })
  }

  for (const [value, complaint] of [
    ['mesh.access=allow', /access/],
    ['operator.replicas=0', /replicas/],
    ['mesh.certificateTtl=forever', /certificateTtl/],
    ['crds.kep=true', /kep/],
  ] as const) {
    test(`does not take ${value}, and says so`, () => {
      const { status, stderr } = spawnSync(helm, ['template', CHART, '--set', value], { encoding: 'utf8' })
      assert.notEqual(status, 0)
      assert.match(stderr, complaint)
    })
  }

  test('is not installed in a cluster that is too old', () => {
    const { status, stderr } = spawnSync(helm, ['template', CHART, '--kube-version', '1.28.9'], { encoding: 'utf8' })
    assert.notEqual(status, 0)
    assert.match(stderr, /1\.29/)
  })

  test('asks of Kubernetes 1.29 nothing that it has not: a pause before the end is of 1.30', () => {
    const values = join(VALUES, 'default.yaml')
    assert.doesNotMatch(render(helm, values, '1.29.4'), /preStop/)
    assert.match(render(helm, values, '1.30.0'), /preStop/)
  })
})

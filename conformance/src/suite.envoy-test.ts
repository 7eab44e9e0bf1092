import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readCases } from './case/read.ts'
import type { Case } from './case.ts'
import { envoySuiteDriver } from './drivers/suite-envoy.ts'
import { faultsInEnvoy } from './fault-run.ts'
import { envoyBinary } from './harness/envoy.ts'
import { parseKnownFailing, surprises } from './suite/known-failing.ts'
import { runSuite } from './suite.ts'

const binary = envoyBinary(process.env['ENVOY'], process.env['PATH'] ?? '')
const skip = binary === undefined ? 'There is no Envoy on this machine: run `make setup`, or set ENVOY.' : false
const folder = join(import.meta.dirname, '..')
const cases = readCases(join(folder, 'cases'))

/** Every case as it is written, or in its place one of its variants: the model is asked all of them, and this takes a while. */
function oneOfEach(): readonly Case[] {
  const groups = Map.groupBy(cases, ({ id }) => id.split('@')[0])
  return [...groups.values()].flatMap((variants, at) => variants.at(at % variants.length) ?? [])
}

test('real proxies do in every case what the SMI text says', { skip }, async () => {
  const known = parseKnownFailing(readFileSync(join(folder, 'known-failing.txt'), 'utf8'))
  const asked = oneOfEach()
  const { results } = await runSuite(envoySuiteDriver(binary ?? ''), asked, { now: () => performance.now() })
  assert.deepEqual(surprises(results, known), [])
  const passed = results.filter(({ verdict }) => verdict.kind === 'passed').length
  assert.ok(passed > 90, `only ${passed} of ${asked.length} cases were asked`)
})

test('real proxies of a mesh with any of the faults are caught by the suite', { skip }, async () => {
  const caught = await faultsInEnvoy(
    envoySuiteDriver(binary ?? ''),
    cases.filter(({ id }) => !id.includes('@')),
  )
  assert.deepEqual(
    caught.filter(({ by }) => by.length === 0).map(({ fault }) => fault.name),
    [],
  )
})

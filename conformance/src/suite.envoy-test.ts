import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readCases } from './case/read.ts'
import type { Case, Scene } from './case.ts'
import { envoySuiteDriver } from './drivers/suite-envoy.ts'
import { type Caught, faultsOnStage, faultsToAsk, together } from './fault-run.ts'
import { envoyBinary } from './harness/envoy.ts'
import type { Stage } from './suite/driver.ts'
import { listedIn, surprises } from './suite/known-failing.ts'
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

/** Scenes take longest to set up, so each is asked its cases, and then its faults, before it is left. */
test('real proxies do in every case what the SMI text says, and with any of the faults they do not', {
  skip,
}, async t => {
  const driver = envoySuiteDriver(binary ?? '')
  const written = cases.filter(({ id }) => !id.includes('@'))
  const faulty = await faultsToAsk(driver, written)
  const caught: Caught[] = []
  const enter = async (scene: Scene): Promise<Stage> => {
    const stage = await driver.enter(scene)
    const stop = async () => {
      try {
        caught.push(...(await faultsOnStage(stage, scene, faulty)))
      } finally {
        await stage.stop()
      }
    }
    return { ...stage, stop }
  }
  const { results } = await runSuite({ ...driver, enter }, oneOfEach(), { now: () => performance.now() })

  await t.test('as the text says', () => {
    const known = listedIn(readFileSync(join(folder, 'known-failing.txt'), 'utf8'))
    assert.deepEqual(surprises(results, known), [])
    const passed = results.filter(({ verdict }) => verdict.kind === 'passed').length
    assert.ok(passed > 80, `only ${passed} of ${results.length} cases were asked`)
  })

  await t.test('no fault goes unnoticed', () => {
    const missed = together(caught).filter(({ by }) => by.length === 0)
    assert.deepEqual(
      missed.map(({ fault }) => fault.name),
      [],
    )
  })
})

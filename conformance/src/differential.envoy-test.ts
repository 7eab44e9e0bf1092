import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { differential, reportText } from './differential.ts'
import { envoyBinary } from './harness/envoy.ts'
import { DEFAULT_WORLD_CONFIG, type WorldConfig } from './world.ts'

const binary = envoyBinary(process.env['ENVOY'], process.env['PATH'] ?? '')
const skip = binary === undefined ? 'There is no Envoy on this machine: run `make setup`, or set ENVOY.' : false

/** By chance alone once in three million runs. */
const TOO_FAR = 5

async function agrees(config: WorldConfig, worlds: number, seed: number): Promise<void> {
  assert.ok(binary)
  const report = await differential({ binary, config, worlds, requests: 50, seed })
  console.log(reportText(report))
  assert.deepEqual(report.disagreements, [])
  assert.ok(report.requests >= worlds * 45, `only ${report.requests} requests could be asked`)
  assert.ok(report.late <= report.requests / 1000, `${report.late} answers were late`)
  assert.ok(Math.abs(report.shares.deviations) < TOO_FAR, `shares are ${report.shares.deviations} deviations off`)
}

describe('the SMI text, the model and real proxies agree on every request', { skip }, () => {
  test('by default', () => agrees(DEFAULT_WORLD_CONFIG, 200, 1))
  test('where a path must fit as a whole and empty backends fail', () =>
    agrees({ ...DEFAULT_WORLD_CONFIG, pathRegex: 'full', emptyBackends: 'fail' }, 40, 1_000))
  test('where namespaces audit unless they say otherwise', () =>
    agrees({ ...DEFAULT_WORLD_CONFIG, access: 'audit' }, 20, 2_000))
})

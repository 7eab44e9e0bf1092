import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { answerText } from './compare.ts'
import { askModel, meshOf } from './drivers/model.ts'
import { caseText } from './golden-case.ts'
import { oracle } from './oracle.ts'
import { requests } from './requests.ts'
import { DEFAULT_WORLD_CONFIG, type Request, type World, type WorldConfig } from './world.ts'
import { worlds } from './worlds.ts'

const REQUESTS = 40

function agrees(world: World, asked: readonly Request[]): void {
  const mesh = meshOf(world)
  for (const request of asked) {
    const expected = answerText(oracle(world, request))
    const actual = answerText(askModel(mesh, request))
    if (actual !== expected) assert.equal(actual, expected, disagreement(world, request, expected, actual))
  }
}

function disagreement(world: World, request: Request, expected: string, actual: string): string {
  return `The SMI text says:\n${expected}\nThe model says:\n${actual}\n${caseText(world, request)}`
}

function holds(config: WorldConfig, numRuns: number): void {
  const asked = worlds(config).chain(world =>
    fc.tuple(fc.constant(world), fc.array(requests(world), { minLength: REQUESTS, maxLength: REQUESTS })),
  )
  fc.assert(
    fc.property(asked, ([world, asked]) => agrees(world, asked)),
    { numRuns },
  )
}

test('the model answers every request as the SMI text does', () => holds(DEFAULT_WORLD_CONFIG, 400))

test('the model answers as the SMI text does under every other choice that it leaves open', () => {
  holds({ ...DEFAULT_WORLD_CONFIG, pathRegex: 'full', emptyBackends: 'fail' }, 100)
  holds({ ...DEFAULT_WORLD_CONFIG, access: 'audit' }, 50)
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readCases } from './case/read.ts'
import { coverageText, gaps } from './coverage.ts'
import { modelDriver } from './drivers/suite-model.ts'
import { faultsInModel } from './fault-run.ts'
import { readSpec } from './spec.ts'
import { missingFrom, sentencesOf } from './spec-text.ts'
import { listedIn, surprises } from './suite/known-failing.ts'
import { runSuite } from './suite.ts'

const folder = join(import.meta.dirname, '..')
const cases = readCases(join(folder, 'cases'))
const written = cases.filter(({ id }) => !id.includes('@'))
const spec = readSpec(join(folder, 'spec'))

test('the model does in every case what the SMI text says', async () => {
  const known = listedIn(readFileSync(join(folder, 'known-failing.txt'), 'utf8'))
  const { results } = await runSuite(modelDriver(), cases, { now: () => performance.now() })
  assert.deepEqual(surprises(results, known), [])
})

test('every sentence of the text that can be contradicted is covered by a case, and every case cites one', () => {
  assert.deepEqual(gaps(spec, cases), [])
})

test('the table of sentences and cases is as it is generated', () => {
  const expected = coverageText(spec, cases)
  const actual = readFileSync(join(folder, 'spec/coverage.md'), 'utf8')
  assert.equal(actual, expected, 'Run `node conformance/src/run.ts coverage`.')
})

test('a mesh with any of the faults is caught by the suite', async () => {
  const caught = await faultsInModel(written, 1)
  assert.deepEqual(
    caught.filter(({ by }) => by.length === 0).map(({ fault }) => fault.name),
    [],
  )
})

test('a case is short enough to be read at a glance', () => {
  const long = written
    .map(({ file }) => ({ file, lines: readFileSync(file, 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines >= 60)
  assert.deepEqual(long, [])
})

test('a scene that does not come up is a failure of its cases, none of which was asked', async () => {
  const enter = async () => {
    throw new Error('connection refused')
  }
  const { results } = await runSuite({ ...modelDriver(), enter }, written.slice(0, 2), { now: () => 0 })
  const why = 'the scene did not come up: connection refused'
  assert.deepEqual(
    results.map(({ verdict }) => verdict),
    Array(2).fill({ kind: 'failed', why, unasked: true }),
  )
})

test('an uncovered sentence, an unknown one and one that is there twice are gaps', () => {
  const [first] = written
  assert.ok(first)
  const sentence = { id: 'split.new', of: 'traffic-split', versions: ['v1alpha4'], quote: 'New.' }
  assert.deepEqual(gaps({ sentences: [sentence, sentence], unchecked: [] }, [{ ...first, spec: ['split.old'] }]), [
    'Two sentences are called split.new.',
    'No case covers split.new: "New."',
    'No case covers split.new: "New."',
    `${first.id} cites split.old, which is no sentence.`,
  ])
})

test('sentences of a text are told apart, and those that the list lacks are named', () => {
  const markdown =
    '# Split\n\nWeights must be\nwhole numbers. See [ports](#ports)\nfor more.\n\n```yaml\nkind: X\n```\n\n* One. Two.\n'
  assert.deepEqual(sentencesOf(markdown), ['Weights must be whole numbers.', 'See ports for more.', 'One.', 'Two.'])
  const known = { of: 'traffic-split', versions: ['v1alpha4'], quote: 'Weights must be whole numbers.' }
  const list = { sentences: [{ id: 'split.whole', ...known }], unchecked: [] }
  assert.deepEqual(missingFrom(list, 'traffic-split', 'v1alpha4', 'Weights must be whole numbers. More.'), ['More.'])
  assert.deepEqual(missingFrom(list, 'traffic-split', 'v1alpha1', 'Weights must be whole numbers.'), [
    'Weights must be whole numbers.',
  ])
})

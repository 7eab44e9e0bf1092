import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { type ChangeCost, changeCosts } from '../bench/change.ts'

describe('what one change costs, in a mesh of 100 services and of 1,000 with 10,000 pods', () => {
  let small: readonly ChangeCost[] = []
  let large: readonly ChangeCost[] = []
  before(() => {
    small = changeCosts(100).costs
    large = changeCosts(1000).costs
  })

  test('a new weight runs at most five computations and encodes one resource', () => {
    const [weight] = large
    assert.ok(weight !== undefined && weight.recomputed <= 5, JSON.stringify(weight?.tables))
    assert.equal(weight.encoded, 1)
  })

  test('a moved pod and a new source encode one resource each', () => {
    assert.deepEqual(
      large.map(({ encoded }) => encoded),
      [1, 1, 1],
    )
  })

  test('the counts do not depend on the size of the mesh', () => {
    const counts = ({ change, tables, encoded, bytes }: ChangeCost) => ({ change, tables, encoded, bytes })
    assert.deepEqual(small.map(counts), large.map(counts))
  })
})

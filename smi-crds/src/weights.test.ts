import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wholeWeights } from './weights.ts'

describe('wholeWeights', () => {
  it('keeps whole weights as they are, however they are written', () => {
    assert.deepEqual(wholeWeights([90, '10']), [90, 10])
    assert.deepEqual(wholeWeights(['1000m', '0m']), [1, 0])
    assert.deepEqual(wholeWeights([]), [])
  })

  it('counts all weights in thousandths if one of them is not whole, so that ratios hold', () => {
    assert.deepEqual(wholeWeights([1, '500m']), [1000, 500])
    assert.deepEqual(wholeWeights(['0.5', '1500m', 0]), [500, 1500, 0])
  })

  it('rounds up what is finer than a thousandth, so that a little is not nothing', () => {
    assert.deepEqual(wholeWeights(['1u', '1']), [1, 1000])
  })

  it('says nothing if one of them is no weight', () => {
    assert.equal(wholeWeights([1, 'much']), undefined)
    assert.equal(wholeWeights([1, undefined]), undefined)
    assert.equal(wholeWeights([1, '1E', '500m']), undefined)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseQuantity } from './quantity.ts'

describe('parseQuantity', () => {
  const cases: readonly (readonly [unknown, bigint, boolean])[] = [
    [0, 0n, true],
    [7, 7000n, true],
    ['7', 7000n, true],
    ['+7', 7000n, true],
    ['500m', 500n, false],
    ['1000m', 1000n, true],
    ['0.5', 500n, false],
    ['1.', 1000n, true],
    ['.25', 250n, false],
    ['1k', 1_000_000n, true],
    ['1Ki', 1_024_000n, true],
    ['1.5k', 1_500_000n, true],
    ['1e2', 100_000n, true],
    ['1E2', 100_000n, true],
    ['1E', 10n ** 21n, true],
    ['5e-1', 500n, false],
    ['1u', 1n, false],
    ['1500u', 2n, false],
    ['0n', 0n, true],
  ]
  for (const [written, milli, whole] of cases) {
    it(`reads ${JSON.stringify(written)}`, () => assert.deepEqual(parseQuantity(written), { milli, whole }))
  }

  it('knows what is no quantity, negative, or beyond all sense', () => {
    const none = [
      '',
      '-1',
      'abc',
      '1x',
      '1 ',
      '1e',
      'm',
      '.',
      '1mi',
      '1e999',
      '9'.repeat(100),
      -1,
      0.5,
      Number.NaN,
      null,
      true,
    ]
    for (const written of none) assert.equal(parseQuantity(written), undefined, String(written))
  })

  it('gives for whole numbers what it gives for their text', () => {
    fc.assert(fc.property(fc.maxSafeNat(), n => assert.deepEqual(parseQuantity(n), parseQuantity(String(n)))))
  })
})

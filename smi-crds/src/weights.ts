/** The weights of one TrafficSplit, in both ways of writing them: whole numbers, and the quantities of v1alpha1. */

import { parseQuantity, type Quantity } from './quantity.ts'

/** The largest weight; the sum of a split's weights has to fit into 32 bits. */
export const MAX_WEIGHT = 1_000_000

/**
 * Whole numbers in the ratio of the quantities: their values if all are whole, else all of them in thousandths. One
 * multiplier serves the whole split, or `1` beside `500m` would become 1 to 500. Undefined if one of them is no quantity.
 */
export function wholeWeights(written: readonly unknown[]): readonly number[] | undefined {
  const quantities: Quantity[] = []
  for (const weight of written) {
    const quantity = parseQuantity(weight)
    if (quantity === undefined) return undefined
    quantities.push(quantity)
  }
  const unit = inThousandths(quantities) ? 1n : 1000n
  const weights = quantities.map(quantity => Number(quantity.milli / unit))
  return weights.every(Number.isSafeInteger) ? weights : undefined
}

/** Whether the weights of a split are counted in thousandths, because one of them is not whole. */
export function inThousandths(quantities: readonly Quantity[]): boolean {
  return quantities.some(quantity => !quantity.whole)
}

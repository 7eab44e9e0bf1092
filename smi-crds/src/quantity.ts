/** Kubernetes quantities (`1`, `500m`, `1.5k`, `2e3`), exactly. */

/** A quantity that is not negative. */
export interface Quantity {
  /** In thousandths; what is finer is rounded up, as Kubernetes does. */
  readonly milli: bigint
  readonly whole: boolean
}

const form = /^\+?(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:([KMGTPE])i|([numkMGTPE])|[eE]([+-]?[0-9]{1,3}))?$/
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const binary = 'KMGTPE'
/** More digits, or exponents beyond, are no weight that anybody means; the bound keeps the arithmetic small. */
const longest = 64
const steepest = 40

/** Reads a quantity; undefined if it is none, negative, or beyond all sense. */
export function parseQuantity(value: unknown): Quantity | undefined {
  if (typeof value === 'number') return fromNumber(value)
  if (typeof value !== 'string' || value.length > longest) return undefined
  const found = form.exec(value)
  if (found === null) return undefined
  const [, whole = '', fraction = '', onlyFraction = '', binarySuffix, decimalSuffix, exponent] = found
  const digits = BigInt(`${whole}${fraction}${onlyFraction}`)
  const steps = binarySuffix === undefined ? 0 : binary.indexOf(binarySuffix) + 1
  const suffix = decimalSuffix === undefined ? Number(exponent ?? 0) : (decimal[decimalSuffix] ?? 0)
  if (Math.abs(suffix) > steepest) return undefined
  return scaled(digits * 1024n ** BigInt(steps), suffix - fraction.length - onlyFraction.length)
}

function fromNumber(value: number): Quantity | undefined {
  return Number.isSafeInteger(value) && value >= 0 ? scaled(BigInt(value), 0) : undefined
}

/** `digits × 10^exponent`. */
function scaled(digits: bigint, exponent: number): Quantity {
  if (exponent >= 0) return { milli: digits * 10n ** BigInt(exponent + 3), whole: true }
  const unit = 10n ** BigInt(-exponent)
  return { milli: (digits * 1000n + unit - 1n) / unit, whole: digits % unit === 0n }
}

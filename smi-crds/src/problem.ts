/** What is wrong with an object, in the words of the person who wrote it. Knows nothing of how it was found. */

export interface Problem {
  /** Where, as one would write it: `spec.backends[1].weight`; empty for the whole object. */
  readonly path: string
  /** A full sentence which ends in what to do. */
  readonly message: string
  /** The rule that was broken, a stable word for machines: `weight-range`. */
  readonly rule: string
}

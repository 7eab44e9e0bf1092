/** Provenance: which object of the user a value of the mesh comes from. */

export interface ObjectRef {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** `TrafficSplit shop/canary`, as messages and annotations spell it. */
export function refText(ref: ObjectRef): string {
  return `${ref.kind} ${ref.namespace}/${ref.name}`
}

/** Total order, so that lists of references are the same on every replica. */
export function compareRefs(a: ObjectRef, b: ObjectRef): number {
  const x = refText(a)
  const y = refText(b)
  return x < y ? -1 : x > y ? 1 : 0
}

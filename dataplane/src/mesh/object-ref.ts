/** Provenance: which object of the user a value of the mesh comes from. */

export interface ObjectRef {
  /** Only where it is not the usual one of the kind, so that equal references are equal values. */
  readonly group?: string
  readonly kind: string
  /** Empty for what belongs to the whole cluster. */
  readonly namespace: string
  readonly name: string
}

/** `TrafficSplit shop/canary`, as messages and annotations spell it; `TCPRoute.gateway.networking.k8s.io shop/db` of another group, `Namespace shop` of none. */
export function refText(ref: ObjectRef): string {
  const kind = ref.group === undefined ? ref.kind : `${ref.kind}.${ref.group}`
  return ref.namespace === '' ? `${kind} ${ref.name}` : `${kind} ${ref.namespace}/${ref.name}`
}

/** Total order, so that lists of references are the same on every replica. */
export function compareRefs(a: ObjectRef, b: ObjectRef): number {
  const x = refText(a)
  const y = refText(b)
  return x < y ? -1 : x > y ? 1 : 0
}

/** What becomes of one object on its way to facts. */
import type { ObjectRef } from '@smi-mesh/dataplane/mesh'
import type { Finding } from '../compile/finding.ts'

/**
 * `facts`: good, perhaps with remarks. `none`: understood, and of no concern to the mesh. `rejected`: not understood; the
 * last good facts of that object stay in force.
 */
export type Reduced<T> =
  | { readonly kind: 'facts'; readonly facts: T; readonly findings: readonly Finding[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'rejected'; readonly findings: readonly Finding[] }

/** Makes facts of one object. `ref` says which; `object` is whatever came. */
export type Reduce<T> = (ref: ObjectRef, object: unknown) => Reduced<T>

export function reduced<T>(facts: T, findings: readonly Finding[] = []): Reduced<T> {
  return { kind: 'facts', facts, findings }
}

/** A value for a message: short, and visibly a value. */
export function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return `"${text.length > 80 ? `${text.slice(0, 80)}…` : text}"`
}

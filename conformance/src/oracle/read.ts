/** Looks into plain objects of which nothing is known. What is not as expected reads as empty. */
import type { Name, RawObject } from '../world.ts'

export function fields(value: unknown): RawObject {
  return isRecord(value) ? value : {}
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function numbers(value: unknown): readonly number[] {
  return list(value).map(Number)
}

/** The texts of a map; other values are left out. */
export function texts(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields(value)).flatMap(([key, entry]) => (typeof entry === 'string' ? [[key, entry]] : [])),
  )
}

export function metadata(object: RawObject): RawObject {
  return fields(object['metadata'])
}

/** An object without a namespace is in `default`, as with kubectl. */
export function nameOf(object: RawObject): Name {
  const { namespace, name } = { namespace: undefined, name: undefined, ...metadata(object) }
  return { namespace: text(namespace) || 'default', name: text(name) }
}

export function sameName(a: Name, b: Name): boolean {
  return a.namespace === b.namespace && a.name === b.name
}

export function ofKind(objects: readonly RawObject[], kind: string): readonly RawObject[] {
  return objects.filter(object => object['kind'] === kind)
}

export function find(objects: readonly RawObject[], kind: string, name: Name): RawObject | undefined {
  return ofKind(objects, kind).find(object => sameName(nameOf(object), name))
}

function isRecord(value: unknown): value is RawObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

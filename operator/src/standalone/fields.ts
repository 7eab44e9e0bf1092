/** Reading unknown YAML without believing anything of it. */
import { type Document, isDocument } from '../sources/identify.ts'

/** The value at a path such as `spec.template.spec`; undefined where any step is missing. */
export function at(value: unknown, path: string): unknown {
  let current = value
  for (const step of path.split('.')) current = isDocument(current) ? current[step] : undefined
  return current
}

export function textAt(value: unknown, path: string): string | undefined {
  const found = at(value, path)
  return typeof found === 'string' && found !== '' ? found : undefined
}

export function numberAt(value: unknown, path: string): number | undefined {
  const found = at(value, path)
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined
}

export function documentAt(value: unknown, path: string): Document {
  const found = at(value, path)
  return isDocument(found) ? found : {}
}

export function listAt(value: unknown, path: string): readonly unknown[] {
  const found = at(value, path)
  return Array.isArray(found) ? found : []
}

/** Texts of a list; numbers and booleans count as what they look like, as a shell would see them. */
export function textsAt(value: unknown, path: string): readonly string[] {
  return listAt(value, path).flatMap(item => (isScalar(item) ? [String(item)] : []))
}

/** A map of texts, such as labels. */
export function textMapAt(value: unknown, path: string): Readonly<Record<string, string>> {
  const entries = Object.entries(documentAt(value, path)).flatMap(([key, item]) =>
    isScalar(item) ? [[key, String(item)] as const] : [],
  )
  return Object.fromEntries(entries)
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

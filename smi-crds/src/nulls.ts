/**
 * Null as an API server reads it: in a field that a schema has, it says that the field is left out, and is dropped before
 * anything else looks. It stays in fields that are nullable, in lists, and in maps whose names are the user's own: a header
 * or a label with null, once dropped, would let more fit than was written.
 */
import { type Fields, isFields, withField } from './json.ts'
import type { JsonSchema } from './schemas.ts'

/** The object without the nulls that say nothing; itself, if there are none. Goes no deeper than the schema. */
export function withoutNulls(object: Fields, schema: JsonSchema): Fields {
  let kept = object
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (!Object.hasOwn(object, name)) continue
    const before = object[name]
    const after = before === null && !isNullable(field) ? undefined : withoutNullsInside(before, field)
    if (after !== before) kept = withField(kept, name, after)
  }
  return kept
}

function withoutNullsInside(value: unknown, schema: JsonSchema): unknown {
  if (isFields(value)) return withoutNulls(value, schema)
  const { items } = schema
  if (!Array.isArray(value) || items === undefined) return value
  const list: readonly unknown[] = value
  const changed = list.map(item => withoutNullsInside(item, items))
  return changed.some((item, at) => item !== list[at]) ? changed : list
}

function isNullable({ type }: JsonSchema): boolean {
  return Array.isArray(type) && type.includes('null')
}

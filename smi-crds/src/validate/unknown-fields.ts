/**
 * Fields that a version does not have. An API server drops them without a word, unless it is asked to be strict; their
 * author meant something by them, often a field that is misspelt.
 */

import { isFields } from '../json.ts'
import { quote } from '../quote.ts'
import { resembles } from '../resembles.ts'
import { type Ruling, warn } from '../ruling.ts'
import type { JsonSchema } from '../schemas.ts'

/** Goes no deeper than the schema, and says what to write instead if a known name is close. */
export function* unknownFields(value: unknown, schema: JsonSchema, path = ''): Generator<Ruling> {
  if (Array.isArray(value)) {
    if (schema.items === undefined) return
    for (const [index, item] of value.entries()) yield* unknownFields(item, schema.items, `${path}[${index}]`)
  } else if (isFields(value)) {
    for (const [name, field] of Object.entries(value)) {
      const known = schema.properties !== undefined && Object.hasOwn(schema.properties, name)
      const next = known ? schema.properties?.[name] : undefined
      const place = path === '' ? name : `${path}.${name}`
      if (next !== undefined) yield* unknownFields(field, next, place)
      else if (isClosed(schema)) yield unknownField(path, name, schema)
    }
  }
}

function isClosed(schema: JsonSchema): boolean {
  return schema.properties !== undefined && schema['x-kubernetes-preserve-unknown-fields'] !== true
}

function unknownField(path: string, name: string, schema: JsonSchema): Ruling {
  const close = Object.keys(schema.properties ?? {}).find(known => resembles(known, name))
  const advice = close === undefined ? 'remove it' : `did you mean ${quote(close)}?`
  const place = name.length > 40 ? `${name.slice(0, 40)}…` : name
  const end = close === undefined ? '.' : ''
  const message = `This version has no field ${quote(name)} here; ${advice}${end}`
  return warn(path === '' ? place : `${path}.${place}`, 'field-unknown', message)
}

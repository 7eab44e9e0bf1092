/** A CRD's schema → a JSON schema for ajv. */

import type { CrdSchema } from './crd.ts'

/** Keywords which mean the same in both. */
const shared = [
  'required',
  'enum',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'minProperties',
  'x-kubernetes-preserve-unknown-fields',
] as const
/** Keywords which say nothing about a single value, or are translated below. */
const known = new Set<string>([
  ...shared,
  'description',
  'type',
  'nullable',
  'properties',
  'items',
  'additionalProperties',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
])

/** The schema of a version's whole object. Its status is the mesh's own, and open: other meshes write other things. */
export function rootSchema(schema: CrdSchema): object {
  const { status: _status, ...properties } = schema.properties ?? {}
  return ajvSchema({ ...schema, properties: { ...properties, status: {}, metadata: {} } })
}

function ajvSchema(schema: CrdSchema): object {
  const unknown = Object.keys(schema).find(keyword => !known.has(keyword))
  if (unknown !== undefined) throw new Error(`crds/ use the keyword ${unknown}; teach it to scripts/ajv-schema.ts`)
  const { properties, items, additionalProperties } = schema
  return {
    ...typeOf(schema),
    ...Object.fromEntries(shared.flatMap(keyword => (keyword in schema ? [[keyword, schema[keyword]]] : []))),
    ...(properties === undefined ? {} : { properties: mapValues(properties) }),
    ...(items === undefined ? {} : { items: ajvSchema(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: entrySchema(additionalProperties) }),
  }
}

/** An API server drops null from a map unless it is nullable there; it says nothing that we could understand all the same. */
function entrySchema({ nullable: _kept, ...schema }: CrdSchema): object {
  return ajvSchema(schema)
}

function typeOf(schema: CrdSchema): object {
  if (schema['x-kubernetes-int-or-string'] === true) return { type: ['integer', 'string'] }
  if (schema.type === undefined) return {}
  return { type: schema.nullable === true ? [schema.type, 'null'] : schema.type }
}

function mapValues(properties: Readonly<Record<string, CrdSchema>>): object {
  return Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, ajvSchema(field)]))
}

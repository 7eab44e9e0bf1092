/** A CRD's schema → the text of a TypeScript type. */

import type { Crd, CrdSchema, CrdVersion } from './crd.ts'

const preserves = 'x-kubernetes-preserve-unknown-fields'
const width = 116

/** The interface of one version, named `TrafficSplitV1alpha2`. */
export function interfaceText(crd: Crd, version: CrdVersion): string {
  const { kind } = crd.spec.names
  const schema = version.schema.openAPIV3Schema
  const { apiVersion: _a, kind: _k, metadata: _m, status: _s, ...properties } = schema.properties ?? {}
  const head = [
    `  readonly apiVersion: '${crd.spec.group}/${version.name}'`,
    `  readonly kind: '${kind}'`,
    '  readonly metadata: ObjectMeta',
  ]
  const name = `${kind}V${version.name.slice(1)}`
  const fields = fieldLines({ ...schema, properties }, '  ')
  const lines = [`export interface ${name} {`, ...head, ...fields, '  readonly status?: ObjectStatus', '}']
  return [...docLines(schema.description, ''), ...lines].join('\n')
}

/** The interface of the status, which all kinds and versions have alike. */
export function statusText(crd: Crd): string {
  const schema = crd.spec.versions[0]?.schema.openAPIV3Schema.properties?.['status'] ?? {}
  const head = [...docLines(schema.description, ''), 'export interface ObjectStatus {']
  return [...head, ...fieldLines(schema, '  '), '}'].join('\n')
}

function fieldLines(schema: CrdSchema, indent: string): readonly string[] {
  const required = new Set(schema.required)
  const lines: string[] = []
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const mark = required.has(name) ? '' : '?'
    lines.push(...docLines(field.description, indent), `${indent}readonly ${name}${mark}: ${typeText(field, indent)}`)
  }
  return schema[preserves] === true ? [...lines, `${indent}readonly [field: string]: unknown`] : lines
}

function typeText(schema: CrdSchema, indent: string): string {
  const text = bareTypeText(schema, indent)
  return schema.nullable === true ? `${text} | null` : text
}

function bareTypeText(schema: CrdSchema, indent: string): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'number | string'
  switch (schema.type) {
    case undefined:
      return 'unknown'
    case 'string':
      return schema.enum === undefined ? 'string' : schema.enum.map(word => `'${word}'`).join(' | ')
    case 'integer':
      return 'number'
    case 'array':
      return arrayText(typeText(schema.items ?? {}, indent))
    case 'object':
      return objectText(schema, indent)
    default:
      throw new Error(`crds/ use the type ${schema.type}; teach it to scripts/type-text.ts`)
  }
}

function arrayText(item: string): string {
  return /^[a-z]+$/.test(item) || item.startsWith('{') ? `readonly ${item}[]` : `readonly (${item})[]`
}

function objectText(schema: CrdSchema, indent: string): string {
  if (schema.additionalProperties !== undefined) {
    // Not its null, which an API server keeps in a map for us to refuse.
    return `Readonly<Record<string, ${bareTypeText(schema.additionalProperties, indent)}>>`
  }
  const lines = fieldLines(schema, `${indent}  `)
  return lines.length === 0 ? 'Readonly<Record<string, never>>' : ['{', ...lines, `${indent}}`].join('\n')
}

function docLines(description: string | undefined, indent: string): readonly string[] {
  if (description === undefined) return []
  if (description.length + indent.length <= width - 5) return [`${indent}/** ${description} */`]
  const lines: string[] = ['']
  for (const word of description.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (`${indent} * ${last} ${word}`.length > width) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return [`${indent}/**`, ...lines.map(line => `${indent} * ${line}`), `${indent} */`]
}

/** The schema of a version, put to an object by ajv, and its verdict in plain words. */

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { type Fields, fits, isFields } from '../json.ts'
import type { SmiKind, Version } from '../kinds.ts'
import { alternatives, kindOfValue, quote } from '../quote.ts'
import { deny, type Ruling, reject } from '../ruling.ts'
import { schemaOf } from '../schemas.ts'

/** An object above this size is told its first mistake only, so that a hundred thousand of them cost nothing. */
const thorough = { nodes: 10_000, depth: 64 }

const options = { strict: false, validateFormats: false, verbose: true, logger: false } as const
const ajv = { all: new Ajv({ ...options, allErrors: true }), first: new Ajv(options) }
const compiled = new Map<string, ValidateFunction>()

/** What the schema has to say of an object of that kind and version. */
export function schemaRulings(object: Fields, info: SmiKind, version: Version): readonly Ruling[] {
  const verdict = validatorOf(info, version, fits(object, thorough) ? 'all' : 'first')
  if (verdict(object)) return []
  return (verdict.errors ?? []).map(ruling)
}

/** Compiled at first use: a process that sees one version of three kinds pays for three. */
function validatorOf(info: SmiKind, version: Version, extent: keyof typeof ajv): ValidateFunction {
  const key = `${info.kind} ${version} ${extent}`
  const known = compiled.get(key)
  if (known !== undefined) return known
  const made = ajv[extent].compile(schemaOf(info.kind, version) ?? false)
  compiled.set(key, made)
  return made
}

function ruling(error: ErrorObject): Ruling {
  const path = pathOf(error)
  const message = messageOf(error)
  // Other tools let these in; stored, they allow nothing, which is safe.
  const harmless = /^spec\.(rules|sources)$/.test(path) && ['required', 'minItems'].includes(error.keyword)
  return (harmless ? deny : reject)(path, `schema-${error.keyword}`, message)
}

/** `/spec/backends/1` and a missing `weight`: `spec.backends[1].weight`. */
function pathOf(error: ErrorObject): string {
  const missing = error.keyword === 'required' ? [String(parameter(error, 'missingProperty'))] : []
  const parts = [...error.instancePath.split('/').slice(1).map(fieldName), ...missing]
  return parts.reduce((path, part) => join(path, part), '')
}

function fieldName(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}

function join(path: string, part: string): string {
  if (/^[0-9]+$/.test(part)) return `${path}[${part}]`
  const plain = /^[A-Za-z][A-Za-z0-9]{0,39}$/.test(part)
  return plain ? (path === '' ? part : `${path}.${part}`) : `${path}[${quote(part)}]`
}

function parameter(error: ErrorObject, name: string): unknown {
  return isFields(error.params) ? error.params[name] : undefined
}

function constraint(error: ErrorObject, name: string): unknown {
  return isFields(error.parentSchema) ? error.parentSchema[name] : undefined
}

function messageOf(error: ErrorObject): string {
  switch (error.keyword) {
    case 'required':
      return `${quote(String(parameter(error, 'missingProperty')))} is missing; add it.`
    case 'type':
      return typeMessage(error)
    case 'enum':
      return enumMessage(error)
    case 'minItems':
      return 'This list is empty; add at least one entry.'
    case 'minProperties':
      return 'This is empty; write at least one field.'
    case 'minLength':
      return 'This text is empty; write something here.'
    case 'maxLength':
      return `This text is too long; write at most ${constraint(error, 'maxLength')} characters.`
    case 'minimum':
    case 'maximum':
      return rangeMessage(error)
    default:
      return `${written(error.data)} does not have the form that is asked for here; see the reference for this field.`
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  array: 'a list',
  object: 'an object',
}

function typeMessage(error: ErrorObject): string {
  const types: unknown = parameter(error, 'type')
  const wanted = (Array.isArray(types) ? types : [types]).map(String).filter(type => type !== 'null')
  const names = alternatives(wanted.map(type => typeNames[type] ?? type))
  const scalar = typeof error.data === 'number' || typeof error.data === 'boolean'
  const hint = wanted.includes('string') && scalar ? 'put it in quotes' : `write ${names}`
  return `This is ${kindOfValue(error.data)}, where ${names} is asked for; ${hint}.`
}

function enumMessage(error: ErrorObject): string {
  const allowed = parameter(error, 'allowedValues')
  const words = Array.isArray(allowed) ? allowed.map(String) : []
  const upper = typeof error.data === 'string' && error.data.length < 40 ? error.data.toUpperCase() : undefined
  const meant = words.find(word => word === upper || word.toUpperCase() === upper)
  return `${written(error.data)} is not known here; write ${meant ?? alternatives(words)}.`
}

function rangeMessage(error: ErrorObject): string {
  const from = constraint(error, 'minimum')
  const to = constraint(error, 'maximum')
  const range = to === undefined ? `of at least ${from}` : `from ${from} to ${to}`
  return `${written(error.data)} is out of range; write a number ${range}.`
}

function written(value: unknown): string {
  return typeof value === 'string' ? quote(value) : typeof value === 'number' ? String(value) : 'This'
}

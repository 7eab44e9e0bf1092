/** Fields of kept JSON, read with care: every one that is missing or odd is named, and no value is ever repeated. */
import { MeshError } from '../mesh-error.ts'

/** The only format there has been. */
export const FORMAT = 1

export type Fields = Readonly<Record<string, unknown>>

export function record(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('it holds no object')
  return Object.fromEntries(Object.entries(value))
}

export function string(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string' || value === '') throw new TypeError(`${name} is missing`)
  return value
}

export function number(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError(`${name} is missing`)
  return value
}

export function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name]
  if (!Array.isArray(value)) throw new TypeError(`${name} is missing`)
  return value
}

/** Messages of JSON.parse quote the text, which holds private keys: they are not passed on. */
export function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'it is not JSON, or only a part of it'
  if (error instanceof MeshError || error instanceof TypeError) return error.message
  return 'a certificate or key in it cannot be read'
}

/** Reading unknown JSON field by field; what does not fit is told by its place. */
import { SidecarError } from './sidecar-error.ts'

export type Fields = Readonly<Record<string, unknown>>

export function fieldsOf(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at, 'an object')
  return { ...value }
}

export function text(value: unknown, at: string): string {
  if (typeof value !== 'string') throw wrong(at, 'a text')
  return value
}

export function number(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrong(at, 'a whole number')
  return value
}

export function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(at, 'a list')
  return value
}

export function texts(value: unknown, at: string): readonly string[] {
  return list(value, at).map((each, index) => text(each, `${at}[${index}]`))
}

export function numbers(value: unknown, at: string): readonly number[] {
  return list(value, at).map((each, index) => number(each, `${at}[${index}]`))
}

export function oneOf<T extends string>(value: unknown, at: string, choices: readonly T[]): T {
  const choice = choices.find(each => each === value)
  if (choice === undefined) throw wrong(at, `one of ${choices.join(', ')}`)
  return choice
}

function wrong(at: string, what: string): SidecarError {
  return new SidecarError(`${at} is not ${what}.`)
}

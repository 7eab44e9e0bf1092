/** Objects with one value gone or replaced by something else, to ask two judges the same questions. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [field: string]: Json }

/** No object with a field of its own: an API server drops fields it doesn't know before it judges. */
const OTHERS: readonly Json[] = [null, true, 0, -1, 1.5, 70_000, 9e12, '', 'text', [], {}, ['text']]

/** Every mutant of a value: first each place within it without its value, then with each other one. */
export function* mutants(value: Json): Generator<Json> {
  if (isList(value)) {
    for (const [at, part] of value.entries()) {
      yield value.toSpliced(at, 1)
      for (const other of changed(part)) yield value.with(at, other)
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [field, part] of Object.entries(value)) {
      const { [field]: _, ...rest } = value
      yield rest
      for (const other of changed(part)) yield { ...value, [field]: other }
    }
  }
}

function* changed(part: Json): Generator<Json> {
  yield* OTHERS
  yield* mutants(part)
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

/**
 * Evaluates the regular expressions users write. RE2 in JavaScript: linear time, so a hostile pattern costs no more than a
 * kind one; and what it refuses, Envoy refuses too. Knows nothing of what is matched.
 */
import { RE2JS } from 're2js'
import type { Pattern } from './match.ts'

/** Longer expressions are refused: nobody writes them by hand, and every proxy would have to hold them. */
export const LONGEST_REGEX = 4096

const compiled = new Map<string, RE2JS | Error>()
const KEPT = 4096

function compile(regex: string): RE2JS | Error {
  const known = compiled.get(regex)
  if (known !== undefined) return known
  const fresh = compileAnew(regex)
  if (compiled.size >= KEPT) compiled.clear()
  compiled.set(regex, fresh)
  return fresh
}

function compileAnew(regex: string): RE2JS | Error {
  try {
    return RE2JS.compile(regex)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** Why RE2 will not have an expression, in its own words; undefined where it will. */
export function regexProblem(regex: string): string | undefined {
  if (regex.length > LONGEST_REGEX) return `it is ${regex.length} characters long, the limit is ${LONGEST_REGEX}`
  const result = compile(regex)
  return result instanceof Error ? result.message.replace(/^error parsing regexp: /, '') : undefined
}

/** Whether the text begins with (`start`) or is (`full`) what the expression describes. A refused expression matches nothing. */
export function fits(pattern: Pattern, text: string): boolean {
  if (regexProblem(pattern.regex) !== undefined) return false
  const regex = compile(pattern.regex)
  if (regex instanceof Error) return false
  return pattern.anchor === 'full' ? regex.matches(text) : regex.matcher(text).lookingAt()
}

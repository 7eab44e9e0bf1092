/**
 * Evaluates the regular expressions users write. RE2 in JavaScript: linear time, so a hostile pattern costs no more than a
 * kind one; and what it refuses, Envoy refuses too. Knows nothing of what is matched.
 */
import { RE2JS } from 're2js'
import type { Pattern } from './match.ts'

/** Longer expressions are refused: nobody writes them by hand, and every proxy would have to hold them. */
export const LONGEST_REGEX = 4096
/** Envoy is told to take programs of 10,000 steps, ours and what it appends; what we count is near its figure, not equal. */
const LARGEST_PROGRAM = 5000
/** Length times repetitions: bounds what compiling may cost before it is known what it will. */
const LARGEST_EXPANSION = 500_000

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
  if (regex.length > LONGEST_REGEX)
    return new Error(`it is ${regex.length} characters long, the limit is ${LONGEST_REGEX}`)
  if (regex.length * repetitions(regex) > LARGEST_EXPANSION) return new Error('its repetitions make it too large')
  try {
    const expression = RE2JS.compile(bytesOf(regex))
    const steps = programSteps(expression)
    return steps > LARGEST_PROGRAM ? new Error(`it needs ${steps} steps, the limit is ${LARGEST_PROGRAM}`) : expression
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** Envoy's RE2 reads bytes, so `.` is a byte and not a letter: one character for each byte makes it the same here. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** All that stands in braces, added up. */
function repetitions(regex: string): number {
  const counts = regex.matchAll(/\{(\d{1,9})(?:,(\d{0,9}))?\}/g)
  return counts.reduce((sum, [, least, most]) => sum + Math.max(1, Number(least), Number(most ?? 0)), 1)
}

/** What RE2 in Envoy makes of it, nearly: a step for each instruction, and one for each range of bytes that it accepts. */
function programSteps(expression: RE2JS): number {
  const instructions: readonly { readonly runes?: readonly number[] }[] = expression.re2().prog.inst
  return instructions.reduce(
    (sum, { runes = [] }) => sum + Math.max(2, runes.filter(rune => rune <= 0xff).length / 2),
    0,
  )
}

/** Why RE2 will not have an expression, in its own words; undefined where it will. */
export function regexProblem(regex: string): string | undefined {
  const result = compile(regex)
  return result instanceof Error ? result.message.replace(/^error parsing regexp: /, '') : undefined
}

/** Whether the text begins with (`start`) or is (`full`) what the expression describes. A refused expression matches nothing. */
export function fits(pattern: Pattern, text: string): boolean {
  const regex = compile(pattern.regex)
  if (regex instanceof Error) return false
  const bytes = bytesOf(text)
  return pattern.anchor === 'full' ? regex.matches(bytes) : regex.matcher(bytes).lookingAt()
}

/**
 * The regular expressions of SMI, by the engine of JavaScript, which shares nothing with those of the product and of Envoy.
 * Only whether an expression is one at all is asked of RE2, and what JavaScript cannot spell is left to it.
 */
import { RE2JS } from 're2js'

/** Whether `text` begins with (`start`) or is (`full`) what the expression says. What RE2 refuses matches nothing. */
export function regexFits(expression: string, text: string, reach: 'start' | 'full'): boolean {
  const [wanted, given] = [bytes(expression), bytes(text)]
  const re2 = compiled(wanted)
  if (re2 === undefined) return false
  try {
    return new RegExp(`^(?:${wanted})${reach === 'full' ? '$' : ''}`, 'su').test(given)
  } catch {
    return reach === 'full' ? re2.matches(given) : re2.matcher(given).lookingAt()
  }
}

/** Headers are bytes, and proxies read them so: one character for each. */
function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function compiled(expression: string): RE2JS | undefined {
  try {
    return RE2JS.compile(expression)
  } catch {
    return undefined
  }
}

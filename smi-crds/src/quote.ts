/** How messages cite what a user wrote: shortly, since a value may be a pattern of ten megabytes, and on one line. */

const longest = 40

/** The value, or the beginning of it, in quotes. */
export function quote(text: string): string {
  return JSON.stringify(text.length > longest ? `${text.slice(0, longest)}…` : text)
}

/** What kind of value it is, as one would say it. */
export function kindOfValue(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  switch (typeof value) {
    case 'string':
      return 'a text'
    case 'number':
      return Number.isInteger(value) ? 'a number' : 'a fraction'
    case 'boolean':
      return 'true or false'
    case 'undefined':
      return 'missing'
    default:
      return 'an object'
  }
}

/** `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

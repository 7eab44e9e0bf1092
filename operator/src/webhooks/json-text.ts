/** JSON as it is sent and read, where it may be nested deeper than a recursion reaches. */

/** As `JSON.stringify` writes what `JSON.parse` has read, however deep. */
export function jsonText(root: unknown): string {
  try {
    return JSON.stringify(root)
  } catch (error) {
    if (error instanceof RangeError) return deepText(root)
    throw error
  }
}

type Open = string | { readonly value: unknown }

function deepText(root: unknown): string {
  const written: string[] = []
  const open: Open[] = [{ value: root }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string') written.push(next)
    else if (typeof next.value !== 'object' || next.value === null) written.push(JSON.stringify(next.value) ?? 'null')
    else for (const part of partsOf(next.value).reverse()) open.push(part)
  }
  return written.join('')
}

function partsOf(value: object): Open[] {
  if (Array.isArray(value)) {
    return ['[', ...value.flatMap((each, at): Open[] => [at === 0 ? '' : ',', { value: each }]), ']']
  }
  const fields = Object.entries(value).filter(([, each]) => each !== undefined)
  const said = fields.flatMap(([name, each], at): Open[] => [
    `${at === 0 ? '' : ','}${JSON.stringify(name)}:`,
    { value: each },
  ])
  return ['{', ...said, '}']
}

/** Whether a text of JSON is nested no deeper than that; looks no further than it must. */
export function isNestedWithin(text: string, most: number): boolean {
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (quoted) {
      if (code === BACKSLASH) at++
      else if (code === QUOTE) quoted = false
    } else if (code === QUOTE) quoted = true
    else if (code === BRACE || code === BRACKET) {
      if (++depth > most) return false
    } else if (code === BRACE_END || code === BRACKET_END) depth--
  }
  return true
}

const QUOTE = 0x22
const BRACKET = 0x5b
const BACKSLASH = 0x5c
const BRACKET_END = 0x5d
const BRACE = 0x7b
const BRACE_END = 0x7d

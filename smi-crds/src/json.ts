/**
 * JSON values of unknown shape. Whatever is read here may come from anybody, so nothing here throws, recurses as deep as
 * the value is nested, or trusts a key.
 */

/** A JSON object of which nothing is known yet. */
export type Fields = Readonly<Record<string, unknown>>

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Kubernetes drops a null that a schema does not ask for, so to SMI objects it is as good as nothing. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

export function fieldsOr(value: unknown, otherwise: Fields = {}): Fields {
  return isFields(value) ? value : otherwise
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The object without some of its fields. */
export function without(object: Fields, ...names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)))
}

/** The object with a field, or without it if the value is undefined. */
export function withField(object: Fields, name: string, value: unknown): Fields {
  return value === undefined ? without(object, name) : { ...object, [name]: value }
}

/** Whether a value is within limits; looks no further than they reach. */
export function fits(value: unknown, limits: { readonly nodes: number; readonly depth: number }): boolean {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }]
  let nodes = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    nodes += 1
    if (nodes + open.length > limits.nodes || next.depth > limits.depth) return false
    if (typeof next.value !== 'object' || next.value === null) continue
    const depth = next.depth + 1
    for (const child of Object.values(next.value)) open.push({ value: child, depth })
  }
  return true
}

/** Whether two JSON values are the same, whatever the order of their fields. */
export function sameJson(a: unknown, b: unknown): boolean {
  const open: [unknown, unknown][] = [[a, b]]
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [x, y] = pair
    if (x === y) continue
    if (typeof x !== 'object' || typeof y !== 'object' || x === null || y === null) return false
    if (Array.isArray(x) !== Array.isArray(y)) return false
    const left = new Map<string, unknown>(Object.entries(x))
    const right = Object.entries(y)
    if (left.size !== right.length) return false
    for (const [name, value] of right) {
      if (!left.has(name)) return false
      open.push([left.get(name), value])
    }
  }
  return true
}

const printable = { nodes: 50_000, depth: 64 }

/** The value as text that an annotation can hold, or undefined if it is too large or too deep for one. */
export function toText(value: unknown): string | undefined {
  if (!fits(value, printable)) return undefined
  const text = JSON.stringify(value)
  return text.length <= 128 * 1024 ? text : undefined
}

/** The value a text stands for, or undefined if it is no JSON. */
export function fromText(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return undefined
  }
}

/** The headers of an HTTP route: a map, or a list of maps, since the standard and its first CRDs disagree. */

import { isAbsent, isFields } from './json.ts'

/** One header with where it stands inside the field `headers`. */
export interface HeaderEntry {
  readonly place: string
  readonly name: string
  readonly pattern: unknown
}

/** Every header as written, in order; undefined if it is neither a map nor a list of maps. */
export function headerEntries(headers: unknown): readonly HeaderEntry[] | undefined {
  if (isAbsent(headers)) return []
  if (isFields(headers)) return Object.entries(headers).map(([name, pattern]) => ({ place: '', name, pattern }))
  if (!Array.isArray(headers)) return undefined
  const entries: HeaderEntry[] = []
  for (const [at, map] of headers.entries()) {
    if (!isFields(map)) return undefined
    for (const [name, pattern] of Object.entries(map)) entries.push({ place: `[${at}]`, name, pattern })
  }
  return entries
}

/** Lower-case names to patterns; what is no text is left out (validation has spoken of it). */
export function headerPatterns(headers: unknown): Readonly<Record<string, string>> {
  const patterns = new Map<string, string>()
  for (const { name, pattern } of headerEntries(headers) ?? []) {
    if (typeof pattern === 'string') patterns.set(name.toLowerCase(), pattern)
  }
  return Object.fromEntries(patterns)
}

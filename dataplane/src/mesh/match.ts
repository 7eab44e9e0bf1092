/** Which requests a route or an access rule speaks of. Plain data; evaluated by `decide`, translated by `envoy/`. */

/** An RE2 expression and how far it must reach: to any prefix of the text (`start`) or all of it (`full`). */
export interface Pattern {
  readonly regex: string
  readonly anchor: 'start' | 'full'
}

/** `name` is lower case; `host` means the authority without port and trailing dot. An absent header never matches. */
export interface HeaderMatch {
  readonly name: string
  readonly value: Pattern
}

/** All given conditions together (AND). `path` is judged without query and fragment, after normalisation. */
export interface HttpMatch {
  readonly kind: 'http'
  readonly path: Pattern | 'any'
  readonly methods: readonly string[] | 'any'
  readonly headers: readonly HeaderMatch[]
}

export type TrafficMatch = { readonly kind: 'any' } | HttpMatch

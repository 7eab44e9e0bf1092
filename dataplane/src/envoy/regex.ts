/**
 * Patterns of the mesh as Envoy matchers. Envoy matches a regular expression against the whole text, so `start` needs a tail.
 * What holds no metacharacter becomes a plain comparison, which means the same and costs less.
 */
import type { Pattern } from '../mesh/index.ts'
import type { StringMatcher } from '../proto/gen/envoy/type/matcher/v3/string.ts'

export type TextMatch =
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'prefix'; readonly text: string }
  | { readonly kind: 'regex'; readonly regex: string }

/** Characters that mean themselves in every position of an RE2 expression. */
const LITERAL = /^(\^?)([A-Za-z0-9/_~=,;:@%&!-]+)(\$?)$/

/** The same question as `pattern` asks, in the cheapest form. */
export function textMatch({ regex, anchor }: Pattern): TextMatch {
  const [, , text, end] = LITERAL.exec(regex) ?? []
  if (text !== undefined) return { kind: anchor === 'full' || end === '$' ? 'exact' : 'prefix', text }
  return { kind: 'regex', regex: wholeText({ regex, anchor }) }
}

/** An expression that matches a whole text exactly if `pattern` fits that text. */
export function wholeText({ regex, anchor }: Pattern): string {
  if (anchor === 'start') return `(?:${closed(regex)})(?s:.*)`
  return regex === '' ? '(?:)' : regex // Envoy takes no empty expression, though it would fit the empty text
}

/**
 * The same for the `host` header: the text may end in a dot and in a port, which the pattern need not know of. So its end is
 * wherever those begin, for the whole pattern as for each `$` in it. A pattern that names them itself fits as well.
 */
export function wholeAuthority({ regex, anchor }: Pattern): string {
  const host = rewritten(regex, `(?:${AUTHORITY_TAIL}$)`)
  return anchor === 'full' ? `(?:${host})${AUTHORITY_TAIL}` : `(?:${host})(?s:.*)`
}

const AUTHORITY_TAIL = '\\.?(?::[0-9]+)?'

export function stringMatcher(match: TextMatch): StringMatcher {
  switch (match.kind) {
    case 'exact':
      return { matchPattern: { $case: 'exact', exact: match.text } }
    case 'prefix':
      return { matchPattern: { $case: 'prefix', prefix: match.text } }
    case 'regex':
      return { matchPattern: { $case: 'safeRegex', safeRegex: { regex: match.regex } } }
  }
}

/** Text that an expression matches as it stands. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** `\Q` without `\E` quotes all that follows, so it must end before anything of ours is appended. */
function closed(regex: string): string {
  return rewritten(regex, '$')
}

/** Quotations, escapes, classes and the end of the text: the tokens of RE2 in which `$` has its meanings. */
const TOKEN = /\\Q(?:(?!\\E).)*(?:\\E|$)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\$/gs

/** The expression with every assertion of the end replaced, and an unfinished quotation finished. */
function rewritten(regex: string, end: string): string {
  return regex.replace(TOKEN, token => {
    if (token === '$' || token === '\\z') return end === '$' ? token : end
    return token.startsWith('\\Q') && !token.endsWith('\\E') ? `${token}\\E` : token
  })
}

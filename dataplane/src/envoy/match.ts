/** What a request must be like, for the two places that ask: a route and a rule of access control. One meaning in both. */
import type { HeaderMatch, HttpMatch, Pattern, TrafficMatch } from '../mesh/index.ts'
import type { Permission } from '../proto/gen/envoy/config/rbac/v3/rbac.ts'
import type { HeaderMatcher, RouteMatch } from '../proto/gen/envoy/config/route/v3/route_components.ts'
import { escaped, stringMatcher, textMatch, wholeAuthority } from './regex.ts'

/** Envoy judges a route's path without query; a prefix of nothing fits every request that has a path. */
export function routeMatch(match: TrafficMatch): RouteMatch {
  if (match.kind === 'any') return { pathSpecifier: { $case: 'prefix', prefix: '' } }
  return { pathSpecifier: pathSpecifier(match.path), headers: headerMatchers(match) }
}

export function permission(match: TrafficMatch): Permission {
  const rules = match.kind === 'any' ? [] : conditions(match)
  if (rules.length === 0) return { rule: { $case: 'any', any: true } }
  const [only] = rules
  return only !== undefined && rules.length === 1 ? only : { rule: { $case: 'andRules', andRules: { rules } } }
}

function conditions(match: HttpMatch): Permission[] {
  const headers = headerMatchers(match).map((header): Permission => ({ rule: { $case: 'header', header } }))
  if (match.path === 'any') return headers
  const path = stringMatcher(textMatch(match.path))
  return [{ rule: { $case: 'urlPath', urlPath: { rule: { $case: 'path', path } } } }, ...headers]
}

function pathSpecifier(path: Pattern | 'any'): NonNullable<RouteMatch['pathSpecifier']> {
  if (path === 'any') return { $case: 'prefix', prefix: '' }
  const text = textMatch(path)
  switch (text.kind) {
    case 'exact':
      return { $case: 'path', path: text.text }
    case 'prefix':
      return { $case: 'prefix', prefix: text.text }
    case 'regex':
      return { $case: 'safeRegex', safeRegex: { regex: text.regex } }
  }
}

function headerMatchers({ methods, headers }: HttpMatch): HeaderMatcher[] {
  return [...(methods === 'any' ? [] : [methodMatcher(methods)]), ...headers.map(headerMatcher)]
}

function methodMatcher(methods: readonly string[]): HeaderMatcher {
  const [only] = methods
  const match =
    only !== undefined && methods.length === 1
      ? ({ kind: 'exact', text: only } as const)
      : ({ kind: 'regex', regex: methods.map(escaped).join('|') } as const)
  return { name: ':method', headerMatchSpecifier: { $case: 'stringMatch', stringMatch: stringMatcher(match) } }
}

function headerMatcher({ name, value }: HeaderMatch): HeaderMatcher {
  const host = name === 'host'
  const match = host ? ({ kind: 'regex', regex: wholeAuthority(value) } as const) : textMatch(value)
  return {
    name: host ? ':authority' : name,
    headerMatchSpecifier: { $case: 'stringMatch', stringMatch: stringMatcher(match) },
  }
}

/** HTTPRouteGroup semantics: which requests its routes speak of. Expressions are judged here, so that no proxy ever has to refuse one. */
import {
  type HeaderMatch,
  type HttpMatch,
  type MeshConfig,
  type ObjectRef,
  type Pattern,
  regexProblem,
} from '@smi-mesh/dataplane/mesh'
import type { HttpRouteFacts, HttpRouteGroupFacts } from '../facts/facts.ts'
import { quoted } from '../facts/reduced.ts'
import { type Compiled, compareText, type Finding, finding } from './finding.ts'

export interface RouteGroup {
  readonly ref: ObjectRef
  readonly routes: readonly NamedMatch[]
}

/** `match` is undefined where the route cannot be understood: it exists, and matches nothing. */
export interface NamedMatch {
  readonly name: string
  readonly match: HttpMatch | undefined
}

/** The name is a route's key in its group; who uses one twice means both (specs v1alpha4: "name is the primary key"). */
export function compileRouteGroup(
  { ref, matches }: HttpRouteGroupFacts,
  pathAnchor: MeshConfig['pathRegex'],
): Compiled<RouteGroup> {
  const findings: Finding[] = []
  const names = new Set<string>()
  const routes = matches.map((route, index) => {
    const field = `spec.matches[${index}]`
    if (names.has(route.name)) findings.push(duplicate(ref, field, route.name))
    names.add(route.name)
    const problems = problemsOf(ref, field, route)
    findings.push(...problems)
    return { name: route.name, match: problems.length === 0 ? httpMatch(route, pathAnchor) : undefined }
  })
  return { value: { ref, routes }, findings }
}

function httpMatch(route: HttpRouteFacts, pathAnchor: MeshConfig['pathRegex']): HttpMatch {
  const path: Pattern | 'any' = route.pathRegex ? { regex: route.pathRegex, anchor: pathAnchor } : 'any'
  const headers: readonly HeaderMatch[] = Object.entries(route.headers)
    .map(([name, regex]) => ({ name: headerName(name), value: { regex, anchor: 'full' } as const }))
    .sort((a, b) => compareText(a.name, b.name))
  return { kind: 'http', path, methods: methodsOf(route), headers }
}

function methodsOf({ methods }: HttpRouteFacts): readonly string[] | 'any' {
  return methods.length === 0 || methods.includes('*') ? 'any' : [...new Set(methods)].sort()
}

/** The authority goes by `host` in SMI manifests and by `:authority` in HTTP/2. */
function headerName(name: string): string {
  const lower = name.toLowerCase()
  return lower === ':authority' ? 'host' : lower
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

function problemsOf(ref: ObjectRef, field: string, route: HttpRouteFacts): readonly Finding[] {
  const findings: Finding[] = []
  const regex = (at: string, text: string) => {
    const problem = regexProblem(text)
    if (problem === undefined) return
    const message = `${quoted(text)} is no RE2 expression: ${problem}. Match ${quoted(route.name)} matches nothing until it is corrected.`
    findings.push(finding(ref, 'RegexRefused', at, message))
  }
  if (route.pathRegex !== undefined) regex(`${field}.pathRegex`, route.pathRegex)
  for (const [name, value] of Object.entries(route.headers)) {
    regex(`${field}.headers[${name}]`, value)
    if (TOKEN.test(headerName(name))) continue
    const message = `${quoted(name)} cannot be the name of a header. Match ${quoted(route.name)} matches nothing until it is corrected.`
    findings.push(finding(ref, 'HeaderName', `${field}.headers`, message))
  }
  return findings
}

function duplicate(ref: ObjectRef, field: string, name: string): Finding {
  const message = `The name ${quoted(name)} is used more than once; it means all of them. Give each match a name of its own.`
  return finding(ref, 'DuplicateName', `${field}.name`, message)
}

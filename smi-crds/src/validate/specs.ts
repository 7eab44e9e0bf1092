/** What HTTPRouteGroups, TCPRoutes and UDPRoutes must and should be, beyond their schemas. */

import { type HeaderEntry, headerEntries } from '../headers.ts'
import { type Fields, isAbsent, textOf } from '../json.ts'
import type { Version } from '../kinds.ts'
import { kindOfValue, quote } from '../quote.ts'
import { deny, type Ruling, reject, warn } from '../ruling.ts'
import { at, each, groupRoutes, type Placed, root } from './layout.ts'

export function* groupRulings(object: Fields, version: Version): Generator<Ruling> {
  const { routes, misplaced } = groupRoutes(object, version)
  if (misplaced) yield routesMisplaced(routes.path, version)
  else if (isAbsent(routes.value) || (Array.isArray(routes.value) && routes.value.length === 0)) {
    yield warn(routes.path, 'routes-empty', 'A group without routes fits no request; add at least one route.')
  }
  const names = new Set<string>()
  for (const route of each(routes)) {
    const name = at(route, 'name')
    const written = textOf(name.value)
    // "name is the primary key" (specs v1alpha4); stored duplicates are alternatives, as in every known mesh.
    if (written !== '' && names.has(written)) {
      yield deny(
        name.path,
        'route-duplicate',
        `The group has a route ${quote(written)} before; give each a name of its own.`,
      )
    }
    names.add(written)
    yield* headerRulings(at(route, 'headers'), version)
  }
}

function routesMisplaced(path: string, version: Version): Ruling {
  const proper = path === 'matches' ? 'spec.matches' : 'matches, beside metadata'
  return warn(path, 'routes-place', `${version} has its routes in ${proper}; they are read here, but write them there.`)
}

function* headerRulings(headers: Placed, version: Version): Generator<Ruling> {
  if (isAbsent(headers.value)) return
  if (version === 'v1alpha1') {
    const message = 'v1alpha1 has no headers; they are obeyed, but an API server would drop them. Write v1alpha4.'
    yield warn(headers.path, 'headers-version', message)
  }
  const entries = headerEntries(headers.value)
  if (entries === undefined) {
    const message = 'Headers are a map of names to patterns, or a list of such maps; write user-agent: ".*Firefox.*".'
    yield reject(headers.path, 'headers-form', message)
    return
  }
  const seen = new Map<string, unknown>()
  for (const entry of entries) {
    yield* headerRuling(`${headers.path}${entry.place}`, entry, seen)
    seen.set(entry.name.toLowerCase(), entry.pattern)
  }
}

/** A token of RFC 9110; with a colon before it, one of HTTP/2's own. */
const headerName = /^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

function* headerRuling(
  path: string,
  { name, pattern }: HeaderEntry,
  seen: ReadonlyMap<string, unknown>,
): Generator<Ruling> {
  if (!headerName.test(name)) {
    const message = `${quote(name)} is not a header name; write letters, digits and hyphens.`
    yield reject(path, 'header-name', message)
  }
  if (typeof pattern !== 'string') {
    const message = `The pattern of header ${quote(name)} is ${kindOfValue(pattern)}; write a text, in quotes.`
    yield reject(path, 'header-pattern', message)
  }
  // All headers of a route must fit, which two patterns for one header cannot say in a map; to drop one would widen.
  if (seen.has(name.toLowerCase()) && seen.get(name.toLowerCase()) !== pattern) {
    yield reject(path, 'header-duplicate', `Header ${quote(name)} has two patterns; write one that says both.`)
  }
}

export function* portRulings(object: Fields, version: Version): Generator<Ruling> {
  const matches = at(at(root(object), 'spec'), 'matches')
  if (version >= 'v1alpha4' || isAbsent(matches.value)) return
  const message = `${version} has no ports; they are obeyed, but an API server would drop them. Write v1alpha4.`
  yield warn(matches.path, 'ports-version', message)
}

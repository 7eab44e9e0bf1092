/**
 * HTTPRouteGroup: v1alpha1 and v1alpha2 have `matches` beside `metadata`, v1alpha1 has no headers. TCPRoute: only v1alpha4
 * has ports. To lose headers or ports would make the route fit more than it says; they wait in annotations.
 */

import { annotation, HELD, withAnnotation } from '../annotations.ts'
import { headerEntries } from '../headers.ts'
import {
  type Fields,
  fieldsOr,
  fromText,
  isAbsent,
  isFields,
  listOf,
  sameJson,
  toText,
  withField,
  without,
} from '../json.ts'
import type { Version } from '../kinds.ts'
import { readPort } from '../port.ts'
import type { Steps } from './steps.ts'

export const routeGroup: Steps = {
  raise: raiseGroup,
  absorb: absorbHeaders,
  lower: lowerGroup,
  held: { name: HELD.headers, readable: text => readHeld(text) !== undefined },
}

export const tcpRoute: Steps = {
  raise: raisePorts,
  absorb: absorbPorts,
  lower: lowerPorts,
  held: { name: HELD.ports, readable: text => readPorts(text) !== undefined },
}

/** The routes of a group in the hub's form: those of the spec, or those beside it, which early examples have. */
export function routesOf(hub: Fields): unknown {
  const spec = hub['spec']
  return isFields(spec) && !isAbsent(spec['matches']) ? spec['matches'] : hub['matches']
}

function raiseGroup(object: Fields, from: Version): Fields {
  const spec = object['spec']
  const placed = from === 'v1alpha3' || isAbsent(object['matches']) || !(isAbsent(spec) || isFields(spec))
  return placed ? object : { ...without(object, 'matches'), spec: { ...fieldsOr(spec), matches: object['matches'] } }
}

function lowerGroup(hub: Fields, to: Version): Fields {
  if (to === 'v1alpha3') return hub
  const bare = to === 'v1alpha1' ? holdHeaders(hub) : hub
  const spec = bare['spec']
  if (!isFields(spec)) return bare
  const rest = without(spec, 'matches')
  const kept = Object.keys(rest).length > 0 ? rest : undefined
  return withField(withField(bare, 'matches', routesOf(bare) ?? undefined), 'spec', kept)
}

function withRoutes(hub: Fields, routes: readonly unknown[]): Fields {
  const spec = hub['spec']
  return isFields(spec) && !isAbsent(spec['matches'])
    ? { ...hub, spec: { ...spec, matches: routes } }
    : { ...hub, matches: routes }
}

interface HeldHeaders {
  readonly name: string
  readonly headers: unknown
}

/** Every route by its name, with its headers or null; in order, since names may occur twice. */
function holdHeaders(hub: Fields): Fields {
  const routes = routesOf(hub)
  if (!Array.isArray(routes) || !routes.some(route => isFields(route) && !isAbsent(route['headers']))) return hub
  const held: HeldHeaders[] = []
  for (const route of routes) {
    const name = isFields(route) ? route['name'] : undefined
    if (typeof name === 'string') held.push({ name, headers: fieldsOr(route)['headers'] ?? null })
  }
  const text = toText(held)
  if (text === undefined) return hub
  const named = (route: unknown): route is Fields => isFields(route) && typeof route['name'] === 'string'
  const bare = routes.map(route => (named(route) ? without(route, 'headers') : route))
  return withAnnotation(withRoutes(hub, bare), HELD.headers, text)
}

function absorbHeaders(hub: Fields): Fields {
  const text = annotation(hub, HELD.headers)
  const routes = routesOf(hub)
  const held = text === undefined ? undefined : readHeld(text)
  if (held === undefined || !Array.isArray(routes)) return hub
  const waiting = Map.groupBy(held, each => each.name)
  const whole = routes.map(route => {
    const name = isFields(route) ? route['name'] : undefined
    const next = typeof name === 'string' ? waiting.get(name)?.shift() : undefined
    if (!isFields(route) || next === undefined || next.headers === null || !isAbsent(route['headers'])) return route
    return { ...route, headers: next.headers }
  })
  return withAnnotation(withRoutes(hub, whole), HELD.headers, undefined)
}

function readHeld(text: string): readonly HeldHeaders[] | undefined {
  const value = fromText(text)
  if (!Array.isArray(value)) return undefined
  const held: HeldHeaders[] = []
  for (const each of value) {
    if (!isFields(each) || typeof each['name'] !== 'string') return undefined
    const entries = headerEntries(each['headers'])
    if (entries === undefined || entries.some(entry => typeof entry.pattern !== 'string')) return undefined
    held.push({ name: each['name'], headers: each['headers'] ?? null })
  }
  return held
}

/** What a TCPRoute of a version without ports says: all of them. */
const allPorts: Fields = { ports: [] }

function raisePorts(object: Fields, _from: Version): Fields {
  const spec = object['spec']
  if (!isAbsent(spec) && !isFields(spec)) return object
  const written = fieldsOr(spec)
  return isAbsent(written['matches']) ? { ...object, spec: { ...written, matches: allPorts } } : object
}

function lowerPorts(hub: Fields, to: Version): Fields {
  const spec = hub['spec']
  if (!isFields(spec)) return hub
  const matches = spec['matches']
  const meansAll = isAbsent(matches) || sameJson(matches, allPorts)
  const text = meansAll ? undefined : toText(matches)
  if (!meansAll && text === undefined) return hub
  const rest = without(spec, 'matches')
  const kept = to === 'v1alpha3' || Object.keys(rest).length > 0 ? rest : undefined
  return withAnnotation(withField(hub, 'spec', kept), HELD.ports, text)
}

function absorbPorts(hub: Fields): Fields {
  const text = annotation(hub, HELD.ports)
  const held = text === undefined ? undefined : readPorts(text)
  const spec = hub['spec']
  if (held === undefined || (!isAbsent(spec) && !isFields(spec))) return hub
  const written = fieldsOr(spec)
  const ports = listOf(fieldsOr(written['matches'])['ports'])
  const filled = ports.length > 0 ? hub : { ...hub, spec: { ...written, matches: held } }
  return withAnnotation(filled, HELD.ports, undefined)
}

function readPorts(text: string): Fields | undefined {
  const value = fromText(text)
  if (!isFields(value)) return undefined
  const { name, ports } = value
  const named = name === undefined || typeof name === 'string'
  const ported = ports === undefined || (Array.isArray(ports) && ports.every(port => readPort(port) === port))
  return named && ported ? value : undefined
}

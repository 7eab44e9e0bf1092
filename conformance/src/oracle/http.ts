/** Which requests an HTTPRouteGroup speaks of, in any version and either form of `headers`. */
import type { HttpCall, Name, RawObject, World } from '../world.ts'
import { plainPath } from './path.ts'
import { fields, find, list, text, texts } from './read.ts'
import { regexFits } from './regex.ts'

/**
 * "The matches are OR-ed": a request fits a group if it fits one of its routes, or one of those named in `only`. A group
 * that does not exist fits nothing. Bytes that are no HTTP fit nothing: nothing of them can be proven.
 */
export function fitsGroup(world: World, name: Name, only: readonly string[] | undefined, call: HttpCall): boolean {
  const group = find(world.objects, 'HTTPRouteGroup', name)
  if (group === undefined) return false
  // v1alpha1 and v1alpha2 have `matches` at the top; examples of later versions still write it there.
  const routes = list(fields(group['spec'])['matches'] ?? group['matches']).map(fields)
  return routes.some(
    route => (only === undefined || only.includes(text(route['name']))) && fitsRoute(world, route, call),
  )
}

/** All that a route says must hold: "if headers are specified, they are AND-ed"; what it leaves out is open. */
function fitsRoute(world: World, route: RawObject, call: HttpCall): boolean {
  const methods = list(route['methods'])
  const expression = route['pathRegex']
  const path = plainPath(call.path) ?? ''
  return (
    (methods.length === 0 || methods.includes('*') || methods.includes(call.method)) &&
    (typeof expression !== 'string' || expression === '' || regexFits(expression, path, world.config.pathRegex)) &&
    wantedHeaders(route['headers']).every(([name, value]) => fitsHeader(name, value, call))
  )
}

/** `{name: regex}` as the text has it, or `[{name: regex}, …]` as the official definitions have it. */
function wantedHeaders(headers: unknown): readonly (readonly [string, string])[] {
  const maps = Array.isArray(headers) ? headers : [headers]
  return maps.flatMap(map => Object.entries(texts(map)))
}

/** A header that is absent fits nothing; one that is sent in several lines has one value, "separated by commas" (RFC 9110). */
function fitsHeader(name: string, expression: string, call: HttpCall): boolean {
  const wanted = name.toLowerCase()
  const lines = call.headers.filter(([sent]) => sent.toLowerCase() === wanted).map(([, value]) => value.trim())
  const value = lines.join(',')
  return lines.length > 0 && regexFits(expression, wanted === 'host' ? host(value) : value, 'full')
}

/** The name alone: neither the port nor the dot at the end of a fully qualified name says whom the caller means. */
function host(authority: string): string {
  return authority.replace(/:[0-9]+$/, '').replace(/\.$/, '')
}

/** What an HTTPRouteGroup, a TCPRoute or a UDPRoute in the hub's form means. */

import { routesOf } from '../convert/specs.ts'
import { headerPatterns } from '../headers.ts'
import type { HTTPRoute, HTTPRouteGroupSpec, PortRouteSpec } from '../hub.ts'
import { type Fields, fieldsOr, listOf, textOf } from '../json.ts'
import { readPort } from '../port.ts'

export function groupSpec(hub: Fields): HTTPRouteGroupSpec {
  return { matches: listOf(routesOf(hub)).map(route) }
}

function route(value: unknown): HTTPRoute {
  const { name, pathRegex, methods, headers } = fieldsOr(value)
  const written = listOf(methods).map(textOf)
  return {
    name: textOf(name),
    pathRegex: textOf(pathRegex) || undefined,
    methods: written.includes('*') ? [] : [...new Set(written)],
    headers: headerPatterns(headers),
  }
}

export function portSpec(hub: Fields): PortRouteSpec {
  const { name, ports } = fieldsOr(fieldsOr(hub['spec'])['matches'])
  const numbers = listOf(ports).flatMap(port => readPort(port) ?? [])
  return { matches: { name: textOf(name), ports: [...new Set(numbers)] } }
}

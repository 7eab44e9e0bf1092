/** Where each version has its fields, so that rules can speak of the place where the user wrote. */

import { type Fields, fieldsOr, isAbsent } from '../json.ts'
import type { Version } from '../kinds.ts'

/** A value with its path. */
export interface Placed {
  readonly path: string
  readonly value: unknown
}

/** The field of a placed object. */
export function at(place: Placed, name: string): Placed {
  return { path: place.path === '' ? name : `${place.path}.${name}`, value: fieldsOr(place.value)[name] }
}

/** The elements of a placed list; none, if it is no list. */
export function* each(place: Placed): Generator<Placed> {
  if (!Array.isArray(place.value)) return
  for (const [index, value] of place.value.entries()) yield { path: `${place.path}[${index}]`, value }
}

export function root(object: Fields): Placed {
  return { path: '', value: object }
}

/** The object which holds the fields of a TrafficTarget, and the name of its rules. */
export function targetFields(object: Fields, version: Version): { readonly body: Placed; readonly rules: string } {
  return version === 'v1alpha1'
    ? { body: root(object), rules: 'specs' }
    : { body: at(root(object), 'spec'), rules: 'rules' }
}

/** The routes of an HTTPRouteGroup, which every version has in a place of its own, and tolerates in the other. */
export function groupRoutes(
  object: Fields,
  version: Version,
): { readonly routes: Placed; readonly misplaced: boolean } {
  const outside = at(root(object), 'matches')
  const inside = at(at(root(object), 'spec'), 'matches')
  const [proper, other] = version < 'v1alpha3' ? [outside, inside] : [inside, outside]
  const misplaced = isAbsent(proper.value) && !isAbsent(other.value)
  return { routes: misplaced ? other : proper, misplaced }
}

/**
 * TrafficSplit: v1alpha1 writes weights as quantities, v1alpha1 and v1alpha2 have no `matches`.
 *
 * To lose `matches` would turn a split of some requests into a split of all; they wait in an annotation. Weights keep
 * their ratio in both directions, and no `500m` ever reaches a client that reads whole numbers of v1alpha1.
 */

import { annotation, HELD, withAnnotation } from '../annotations.ts'
import { type Fields, fromText, isAbsent, isFields, textOf, toText, withField, without } from '../json.ts'
import type { Version } from '../kinds.ts'
import { wholeWeights } from '../weights.ts'
import type { Steps } from './steps.ts'

export const split: Steps = {
  raise: (object, from) => (from === 'v1alpha1' ? weighed(object, weight => weight) : object),
  absorb: absorbMatches,
  lower,
  held: { name: HELD.matches, readable: text => readMatches(text) !== undefined },
}

function lower(hub: Fields, to: Version): Fields {
  if (to === 'v1alpha3') return hub
  const narrow = holdMatches(hub)
  return to === 'v1alpha1' ? weighed(narrow, String) : narrow
}

/** Every weight by its whole number; as written, if one of them has none. */
function weighed(object: Fields, spell: (weight: number) => number | string): Fields {
  const spec = object['spec']
  if (!isFields(spec) || !Array.isArray(spec['backends'])) return object
  const backends: readonly unknown[] = spec['backends']
  const weights = wholeWeights(backends.map(backend => (isFields(backend) ? backend['weight'] : undefined)))
  if (weights === undefined) return object
  const spelt = backends.map((backend, at) => {
    const weight = weights[at]
    return isFields(backend) && weight !== undefined ? { ...backend, weight: spell(weight) } : backend
  })
  return { ...object, spec: { ...spec, backends: spelt } }
}

function holdMatches(hub: Fields): Fields {
  const spec = hub['spec']
  if (!isFields(spec) || !Object.hasOwn(spec, 'matches')) return hub
  if (isAbsent(spec['matches'])) return { ...hub, spec: without(spec, 'matches') }
  const text = toText(spec['matches'])
  // Too large for an annotation: better a field which the version does not know than a split of all requests.
  return text === undefined ? hub : withAnnotation({ ...hub, spec: without(spec, 'matches') }, HELD.matches, text)
}

function absorbMatches(hub: Fields): Fields {
  const text = annotation(hub, HELD.matches)
  const spec = hub['spec']
  if (text === undefined || !isFields(spec)) return hub
  if (!isAbsent(spec['matches'])) return withAnnotation(hub, HELD.matches, undefined)
  const matches = readMatches(text)
  if (matches === undefined) return hub
  return withAnnotation({ ...hub, spec: withField(spec, 'matches', matches) }, HELD.matches, undefined)
}

function readMatches(text: string): readonly unknown[] | undefined {
  const value = fromText(text)
  return Array.isArray(value) && value.every(namesGroup) ? value : undefined
}

function namesGroup(ref: unknown): boolean {
  return isFields(ref) && ref['kind'] === 'HTTPRouteGroup' && textOf(ref['name']) !== ''
}

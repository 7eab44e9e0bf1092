/** What a TrafficSplit must and should be, beyond its schema. */

import { type Fields, fieldsOr, isAbsent, listOf, textOf } from '../json.ts'
import { KINDS, type Version } from '../kinds.ts'
import { parseQuantity } from '../quantity.ts'
import { kindOfValue, quote } from '../quote.ts'
import { type Ruling, reject, warn } from '../ruling.ts'
import { MAX_WEIGHT, wholeWeights } from '../weights.ts'
import { at, each, type Placed, root } from './layout.ts'

export function* splitRulings(object: Fields, version: Version): Generator<Ruling> {
  const spec = at(root(object), 'spec')
  const backends = at(spec, 'backends')
  yield* weightRulings(backends, version)
  yield* backendRulings(backends)
  yield* matchRulings(spec, version)
}

function* weightRulings(backends: Placed, version: Version): Generator<Ruling> {
  const written = listOf(backends.value).map(backend => fieldsOr(backend)['weight'])
  const weights = wholeWeights(written)
  let total = 0
  for (const [index, weight] of written.entries()) {
    const path = `${backends.path}[${index}].weight`
    const whole = weights?.[index]
    if (whole === undefined) yield* unreadable(path, weight)
    else if (whole > MAX_WEIGHT) yield tooLarge(path, weight, whole)
    else if (typeof weight === 'string' && version !== 'v1alpha1') yield notWhole(path, weight)
    total += whole ?? 0
  }
  if (weights !== undefined && weights.length > 0 && total === 0) yield noTraffic(backends.path)
}

function* unreadable(path: string, weight: unknown): Generator<Ruling> {
  if (isAbsent(weight) || parseQuantity(weight) !== undefined) return
  const written = typeof weight === 'string' ? quote(weight) : typeof weight === 'number' ? weight : kindOfValue(weight)
  const message = `A weight is a whole number that is not negative, and this is ${written}; write a number such as 90.`
  yield reject(path, 'weight-range', message)
}

function tooLarge(path: string, weight: unknown, whole: number): Ruling {
  const counted =
    String(whole) === String(weight) ? '' : `, counted as ${whole} because the weights of this split are not all whole`
  const message = `This weight is above ${MAX_WEIGHT}${counted}; write smaller numbers of the same ratio.`
  return reject(path, 'weight-range', message)
}

function notWhole(path: string, weight: string): Ruling {
  const message = `Weights of this version are whole numbers; ${quote(weight)} is understood here, but other tools may not read it. Write a number.`
  return warn(path, 'weight-quantity', message)
}

function noTraffic(path: string): Ruling {
  const message =
    'Every weight is 0, so that no backend receives traffic and requests fail; give at least one a weight.'
  return warn(path, 'weights-zero', message)
}

function* backendRulings(backends: Placed): Generator<Ruling> {
  if (Array.isArray(backends.value) && backends.value.length === 0) {
    yield warn(backends.path, 'backends-empty', 'A split without backends has no effect; name at least one.')
  }
  const seen = new Set<string>()
  for (const backend of each(backends)) {
    const service = textOf(at(backend, 'service').value)
    if (service !== '' && seen.has(service)) yield listedTwice(at(backend, 'service').path, service)
    seen.add(service)
    if (!isAbsent(at(backend, 'matches').value)) yield matchesOfBackend(at(backend, 'matches').path)
  }
}

function listedTwice(path: string, service: string): Ruling {
  const message = `The backend ${quote(service)} is listed before, and its weights add up; list it once.`
  return warn(path, 'backend-duplicate', message)
}

function matchesOfBackend(path: string): Ruling {
  const message =
    'Matches of a single backend are not part of the standard, and are ignored; write them as spec.matches.'
  return warn(path, 'backend-matches', message)
}

const groupOfRoutes = KINDS.find(info => info.kind === 'HTTPRouteGroup')?.group

function* matchRulings(spec: Placed, version: Version): Generator<Ruling> {
  const matches = at(spec, 'matches')
  if (isAbsent(matches.value)) return
  if (version < 'v1alpha3') {
    const message = `${version} has no matches; they are obeyed, but an API server would drop them. Write v1alpha4.`
    yield warn(matches.path, 'matches-version', message)
  }
  for (const match of each(matches)) {
    const group = at(match, 'apiGroup')
    if (isAbsent(group.value) || group.value === groupOfRoutes) continue
    yield warn(group.path, 'matches-group', `The only groups to name here belong to ${groupOfRoutes}; write that.`)
  }
}

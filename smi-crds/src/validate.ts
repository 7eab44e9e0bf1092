/**
 * What is wrong with an object, and what its author should know. Says nothing of other objects: whether a Service or a
 * route exists is for the compiler.
 */

import { annotation } from './annotations.ts'
import { stepsOf, toHub } from './convert.ts'
import { identify } from './identify.ts'
import { type Fields, isAbsent, isFields, textOf } from './json.ts'
import type { SmiKind, Version } from './kinds.ts'
import type { Problem } from './problem.ts'
import { quote } from './quote.ts'
import { type Ruling, reject, type Severity } from './ruling.ts'
import { schemaOf } from './schemas.ts'
import { bindingRulings, targetRulings } from './validate/access.ts'
import { schemaRulings } from './validate/schema.ts'
import { groupRulings, portRulings } from './validate/specs.ts'
import { splitRulings } from './validate/split.ts'
import { unknownFields } from './validate/unknown-fields.ts'

/** An admission webhook refuses an object with problems, and passes warnings on to its author. */
export interface Review {
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

/** The problems for which an object should not be written; empty if there are none. */
export function validate(object: unknown): readonly Problem[] {
  return review(object).problems
}

/** Problems and warnings of an object about to be written. */
export function review(object: unknown): Review {
  const found = identify(object)
  if (found.kind === 'unknown') return { problems: [found.problem], warnings: [] }
  const judged = judge(found.object, found.info, found.version)
  return { problems: problemsOf(judged, ['reject', 'deny']), warnings: problemsOf(judged, ['warn']) }
}

/** The rulings of those severities, as problems. */
export function problemsOf(rulings: readonly Ruling[], severities: readonly Severity[]): readonly Problem[] {
  return rulings
    .filter(ruling => severities.includes(ruling.severity))
    .map(({ path, message, rule }) => ({ path, message, rule }))
}

/** More of one severity are of no use to anybody. */
const most = 20

/** All rulings on an object, at most one for each place and severity, and a bounded number of each severity. */
export function judge(object: Fields, info: SmiKind, version: Version): readonly Ruling[] {
  const seen = new Set<string>()
  const kept: Ruling[] = []
  const counts: Record<Severity, number> = { reject: 0, deny: 0, warn: 0 }
  for (const ruling of rulings(object, info, version)) {
    const place = `${ruling.severity} ${ruling.path}`
    if (seen.has(place) || counts[ruling.severity] >= most) continue
    seen.add(place)
    counts[ruling.severity] += 1
    kept.push(ruling)
  }
  return kept.some(ruling => ruling.severity === 'reject') ? kept : [...kept, ...hubRulings(object, info, version)]
}

/** Rules of the kind come first, since they know better than the schema what to say of the same place. */
function* rulings(object: Fields, info: SmiKind, version: Version): Generator<Ruling> {
  yield* metadataRulings(object)
  yield* heldRulings(object, info)
  yield* kindRulings(object, info, version)
  yield* schemaRulings(object, info, version)
  const schema = schemaOf(info.kind, version)
  if (schema !== undefined) yield* unknownFields(object, schema)
}

function kindRulings(object: Fields, info: SmiKind, version: Version): Iterable<Ruling> {
  switch (info.kind) {
    case 'TrafficSplit':
      return splitRulings(object, version)
    case 'TrafficTarget':
      return targetRulings(object, version)
    case 'IdentityBinding':
      return bindingRulings(object)
    case 'HTTPRouteGroup':
      return groupRulings(object, version)
    case 'TCPRoute':
    case 'UDPRoute':
      return portRulings(object, version)
  }
}

function* metadataRulings(object: Fields): Generator<Ruling> {
  if (!isFields(object['metadata'])) return yield reject('metadata', 'name-missing', 'Metadata is missing; add a name.')
  const { name, generateName, annotations } = object['metadata']
  if (textOf(name) === '' && textOf(generateName) === '') {
    yield reject(
      'metadata.name',
      'name-missing',
      'The name is missing, or is no text; write one, in quotes if it is a number.',
    )
  }
  if (isAbsent(annotations)) return
  if (isFields(annotations) && Object.values(annotations).every(value => typeof value === 'string')) return
  const message = 'Annotations are a map of names to texts; put every value in quotes.'
  yield reject('metadata.annotations', 'annotations-form', message)
}

/** What an annotation keeps limits what the object means; if it cannot be read, the object means too much. */
function* heldRulings(object: Fields, info: SmiKind): Generator<Ruling> {
  const { held } = stepsOf(info)
  if (held === undefined) return
  const text = annotation(object, held.name)
  if (text === undefined || held.readable(text)) return
  const message = `The annotation ${held.name} keeps a field that some versions lack, and ${quote(text)} cannot be read as one; remove it and write the field, in v1alpha4.`
  yield reject(`metadata.annotations[${held.name}]`, 'annotation-unreadable', message)
}

/** Fields which the version of the object lacks, but which are obeyed, are judged where the hub has them. */
function hubRulings(object: Fields, info: SmiKind, version: Version): readonly Ruling[] {
  const hub = toHub(object, info, version)
  if (hub === object) return []
  const found = schemaRulings(hub, info, info.hub)
  return found.filter(ruling => ruling.severity === 'reject').slice(0, most)
}

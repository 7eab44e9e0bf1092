/**
 * TrafficTarget: v1alpha1 has its fields beside `metadata` and says `specs` for `rules`; v1alpha1 and v1alpha2 can open one
 * port of the destination. To lose that port would open all of them; it waits in an annotation, which the mesh obeys.
 */

import { annotation, HELD, withAnnotation } from '../annotations.ts'
import { type Fields, fieldsOr, isAbsent, isFields, withField, without } from '../json.ts'
import type { Version } from '../kinds.ts'
import { readPort } from '../port.ts'
import type { Steps } from './steps.ts'

export const target: Steps = {
  raise: (object, from) => (from === 'v1alpha3' ? object : holdPort(from === 'v1alpha1' ? nest(object) : object)),
  absorb: hub => (isAbsent(portField(hub)) ? hub : withAnnotation(hub, HELD.destinationPort, undefined)),
  lower,
  held: { name: HELD.destinationPort, readable: text => readPort(text) !== undefined },
}

/** The one port a TrafficTarget opens in the hub's form, wherever it is written; undefined if it opens all. */
export function destinationPort(hub: Fields): number | undefined {
  return readPort(portField(hub) ?? annotation(hub, HELD.destinationPort))
}

function lower(hub: Fields, to: Version): Fields {
  // `group` came with v1alpha4; the kind says as much.
  const plain = withSubjects(hub, subject => without(subject, 'group'))
  if (to === 'v1alpha3') return plain
  const ported = showPort(withSubjects(plain, numbered))
  return to === 'v1alpha1' ? flatten(ported) : ported
}

function portField(hub: Fields): unknown {
  return fieldsOr(fieldsOr(hub['spec'])['destination'])['port']
}

function withDestination(object: Fields, change: (destination: Fields) => Fields): Fields {
  const spec = object['spec']
  if (!isFields(spec) || !isFields(spec['destination'])) return object
  return { ...object, spec: { ...spec, destination: change(spec['destination']) } }
}

function holdPort(object: Fields): Fields {
  const port = readPort(portField(object))
  if (port === undefined) return object
  const closed = withDestination(object, destination => without(destination, 'port'))
  return withAnnotation(closed, HELD.destinationPort, String(port))
}

function showPort(hub: Fields): Fields {
  const port = destinationPort(hub)
  if (port === undefined || !isFields(fieldsOr(hub['spec'])['destination'])) return hub
  const shown = withDestination(hub, destination => ({ ...destination, port }))
  return withAnnotation(shown, HELD.destinationPort, undefined)
}

/** Ports of older versions are numbers. */
function numbered(subject: Fields): Fields {
  const port = readPort(subject['port'])
  return port === undefined ? subject : { ...subject, port }
}

function withSubjects(hub: Fields, change: (subject: Fields) => Fields): Fields {
  const spec = hub['spec']
  if (!isFields(spec)) return hub
  const changed = (subject: unknown): unknown => (isFields(subject) ? change(subject) : subject)
  const destination = Object.hasOwn(spec, 'destination') ? { destination: changed(spec['destination']) } : {}
  const sources = Array.isArray(spec['sources']) ? { sources: spec['sources'].map(changed) } : {}
  return { ...hub, spec: { ...spec, ...destination, ...sources } }
}

/** Fields of v1alpha1, with the names they have inside `spec` later. */
const moved = [
  ['destination', 'destination'],
  ['specs', 'rules'],
  ['sources', 'sources'],
] as const
const flatNames = moved.map(([flat]) => flat)
const nestedNames = moved.map(([, nested]) => nested)

function nest(object: Fields): Fields {
  const spec = object['spec']
  if (!isAbsent(spec) && !isFields(spec)) return object
  const written = moved.filter(([flat]) => Object.hasOwn(object, flat)).map(([flat, name]) => [name, object[flat]])
  return { ...without(object, ...flatNames), spec: { ...fieldsOr(spec), ...Object.fromEntries(written) } }
}

function flatten(hub: Fields): Fields {
  // What the hub has beside `spec` under these names means nothing there, and must not begin to mean something here.
  const bare = without(hub, ...flatNames)
  const spec = hub['spec']
  if (!isFields(spec)) return bare
  const rest = without(spec, ...nestedNames)
  const shell = withField(bare, 'spec', Object.keys(rest).length > 0 ? rest : undefined)
  const fields = moved.filter(([, name]) => Object.hasOwn(spec, name)).map(([flat, name]) => [flat, spec[name]])
  return { ...shell, ...Object.fromEntries(fields) }
}

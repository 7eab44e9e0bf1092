/**
 * Annotations in which conversion keeps what a version cannot hold.
 *
 * There are two sorts. One holds meaning (a port, a list of matches), each field for itself, so that it survives when a
 * client edits the rest in the version without it. The other holds spelling: the whole body as it was written in a
 * version, for as long as that still says what the object says.
 */

import { type Fields, fieldsOr, isAbsent, isFields, withField } from './json.ts'
import type { Version } from './kinds.ts'

const domain = 'smi-mesh.dev/'

/** Where meaning is kept. */
export const HELD = {
  matches: `${domain}matches`,
  headers: `${domain}headers`,
  ports: `${domain}ports`,
  destinationPort: `${domain}destination-port`,
} as const

const spelling = `${domain}written-as-`

/** Where the body of an object is kept as it was written in that version. */
export function spellingIn(version: Version): string {
  return `${spelling}${version}`
}

const held: readonly string[] = Object.values(HELD)

/** Whether an annotation is one of ours, and hence no annotation of the user's. */
export function isConversionAnnotation(name: string): boolean {
  return held.includes(name) || isSpelling(name)
}

/** Whether an annotation holds nothing but the way an object was written. */
export function isSpelling(name: string): boolean {
  return name.startsWith(spelling)
}

export function annotationsOf(object: Fields): Fields {
  return fieldsOr(fieldsOr(object['metadata'])['annotations'])
}

export function annotation(object: Fields, name: string): string | undefined {
  const annotations = annotationsOf(object)
  const value = Object.hasOwn(annotations, name) ? annotations[name] : undefined
  return typeof value === 'string' ? value : undefined
}

/** The object with the annotation set, or removed if there is no value. An empty set of annotations is none at all. */
export function withAnnotation(object: Fields, name: string, value: string | undefined): Fields {
  if (annotation(object, name) === value) return object
  const metadata = object['metadata']
  if (!isFields(metadata)) return object
  const written = metadata['annotations']
  // Not what annotations are; such an object is rejected, and to repair it is not for a conversion.
  if (!isAbsent(written) && !isFields(written)) return object
  const annotations = withField(fieldsOr(written), name, value)
  const kept = Object.keys(annotations).length > 0 ? annotations : undefined
  return { ...object, metadata: withField(metadata, 'annotations', kept) }
}

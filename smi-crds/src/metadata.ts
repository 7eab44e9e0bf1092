/** The metadata of an object, as far as SMI has use for it. */

import { annotationsOf, isConversionAnnotation } from './annotations.ts'
import type { HubMeta } from './hub.ts'
import { type Fields, fieldsOr, textOf } from './json.ts'

/** `default`, as everywhere in Kubernetes, if the object names none. */
export function namespaceOf(object: Fields): string {
  return textOf(fieldsOr(object['metadata'])['namespace']) || 'default'
}

/** The metadata without annotations which only conversion has use for. */
export function metaOf(object: Fields): HubMeta {
  const { name, creationTimestamp, generation } = fieldsOr(object['metadata'])
  return {
    name: textOf(name),
    namespace: namespaceOf(object),
    creationTimestamp: textOf(creationTimestamp),
    generation: typeof generation === 'number' ? generation : 0,
    annotations: ownAnnotations(object),
  }
}

function ownAnnotations(object: Fields): Readonly<Record<string, string>> {
  const own: (readonly [string, string])[] = []
  for (const [name, value] of Object.entries(annotationsOf(object))) {
    if (typeof value === 'string' && !isConversionAnnotation(name)) own.push([name, value])
  }
  return Object.fromEntries(own)
}

/** Plain objects as the product's sources hand them over. */
import { type ObjectChange, objectRef } from '@smi-mesh/operator/facts'
import { nameOf, text } from '../oracle/read.ts'
import type { RawObject } from '../world.ts'

export function objectChanges(objects: readonly RawObject[]): readonly ObjectChange[] {
  return objects.map(object => ({ ref: refOf(object), object }))
}

/**
 * What changes when one set of objects takes the place of another. Whatever is not the same goes before the new comes: an
 * object that is refused would leave in force what was last good of its name, and that is of another world.
 */
export function difference(before: readonly RawObject[], after: readonly RawObject[]): readonly ObjectChange[] {
  const same = new Set(after.map(object => JSON.stringify(object)))
  const gone = before.filter(object => !same.has(JSON.stringify(object)))
  const known = new Set(before.map(object => JSON.stringify(object)))
  const fresh = after.filter(object => !known.has(JSON.stringify(object)))
  return [...gone.map(object => ({ ref: refOf(object), object: undefined })), ...objectChanges(fresh)]
}

function refOf(object: RawObject): ObjectChange['ref'] {
  const kind = text(object['kind'])
  const { namespace, name } = nameOf(object)
  return objectRef(text(object['apiVersion']), kind, kind === 'Namespace' ? '' : namespace, name)
}

/** Plain objects as the product's sources hand them over. */
import type { ObjectChange } from '@smi-mesh/operator/facts'
import { nameOf, text } from '../oracle/read.ts'
import type { RawObject } from '../world.ts'

export function objectChanges(objects: readonly RawObject[]): readonly ObjectChange[] {
  return objects.map(object => ({ ref: refOf(object), object }))
}

/** What changes when one set of objects takes the place of another. */
export function difference(before: readonly RawObject[], after: readonly RawObject[]): readonly ObjectChange[] {
  const kept = new Set(after.map(key))
  const gone = before
    .filter(object => !kept.has(key(object)))
    .map(object => ({ ref: refOf(object), object: undefined }))
  const known = new Map(before.map(object => [key(object), JSON.stringify(object)]))
  return [...gone, ...objectChanges(after.filter(object => known.get(key(object)) !== JSON.stringify(object)))]
}

function refOf(object: RawObject): ObjectChange['ref'] {
  const kind = text(object['kind'])
  const { namespace, name } = nameOf(object)
  return { kind, namespace: kind === 'Namespace' ? '' : namespace, name }
}

function key(object: RawObject): string {
  const { kind, namespace, name } = refOf(object)
  return `${kind} ${namespace}/${name}`
}

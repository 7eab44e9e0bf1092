/** What an API server would say of an object, by the library that our webhooks are made of: taken or refused, and in which form. */

import { convert, validate } from '@smi-mesh/smi-crds'
import { nameOfRaw, sameObject } from '../case/objects.ts'
import type { ObjectName } from '../case.ts'
import type { RawObject } from '../world.ts'

export function refusalOf(object: RawObject): string | undefined {
  return validate(object)
    .map(({ path, message }) => `${path}: ${message}`)
    .at(0)
}

export function readIn(objects: readonly RawObject[], name: ObjectName, version: string): RawObject | undefined {
  const found = objects.find(object => sameObject(name, nameOfRaw(object)))
  const result = found === undefined ? undefined : convert(found, version)
  return result?.kind === 'converted' ? result.object : undefined
}

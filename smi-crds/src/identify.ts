/** Which kind and version an object says it is. */

import { type Fields, isFields } from './json.ts'
import { KINDS, type SmiKind, type Version } from './kinds.ts'
import { withoutNulls } from './nulls.ts'
import type { Problem } from './problem.ts'
import { alternatives, quote } from './quote.ts'
import { schemaOf } from './schemas.ts'

export type Identified =
  | { readonly kind: 'known'; readonly object: Fields; readonly info: SmiKind; readonly version: Version }
  | { readonly kind: 'unknown'; readonly problem: Problem }

const family = '.smi-spec.io'

/** Whether an object is of a group of SMI, be its kind and version known or not. */
export function isSmi(object: unknown): boolean {
  return isFields(object) && splitApiVersion(object['apiVersion']).group.endsWith(family)
}

/**
 * The row and the version of an object, and the object as an API server would keep it, without the nulls that say
 * nothing; or what is wrong with its `apiVersion` and `kind`.
 */
export function identify(object: unknown): Identified {
  if (!isFields(object)) return unknown('', 'This is not an object; write apiVersion, kind, metadata and spec.')
  const { group, version } = splitApiVersion(object['apiVersion'])
  const ofGroup = KINDS.filter(info => info.group === group)
  if (ofGroup.length === 0) return unknownGroup(group)
  const info = ofGroup.find(each => each.kind === object['kind'])
  if (info === undefined) {
    const kinds = alternatives(ofGroup.map(each => each.kind))
    const written = typeof object['kind'] === 'string' ? quote(object['kind']) : 'what is written here'
    return unknown('kind', `The group ${group} has no kind ${written}; write ${kinds}.`)
  }
  const known = servedVersion(info, version)
  if (known === undefined) return { kind: 'unknown', problem: versionNotServed(info, version) }
  return { kind: 'known', object: withoutNulls(object, schemaOf(info.kind, known) ?? {}), info, version: known }
}

/** The version by that name, if the kind is served in it. */
export function servedVersion(info: SmiKind, name: string): Version | undefined {
  return info.versions.find(version => version === name)
}

/** The problem of an object in a version that its kind does not have. */
export function versionNotServed(info: SmiKind, version: string): Problem {
  return {
    path: 'apiVersion',
    message: `${info.kind} is not served in version ${quote(version)}; write ${info.group}/ with ${alternatives(info.versions)}.`,
    rule: 'version-unknown',
  }
}

/** Both parts of an `apiVersion`; the group is empty if none is written. */
export function splitApiVersion(apiVersion: unknown): { readonly group: string; readonly version: string } {
  if (typeof apiVersion !== 'string') return { group: '', version: '' }
  const slash = apiVersion.indexOf('/')
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1) }
}

function unknownGroup(group: string): Identified {
  const groups = alternatives([...new Set(KINDS.map(info => info.group))])
  // The first published CRDs of SMI had the group in the singular; manifests of that time still go round.
  const hint = group === 'spec.smi-spec.io' ? 'write specs.smi-spec.io, in the plural' : `write ${groups} and a version`
  return unknown('apiVersion', `${quote(group)} is not a group of SMI objects; ${hint}.`)
}

function unknown(path: string, message: string): Identified {
  return { kind: 'unknown', problem: { path, message, rule: 'kind-unknown' } }
}

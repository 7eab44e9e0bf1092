/**
 * What is said of an SMI object that is about to be written. Denied is only what the schema or a MUST of the specification forbids;
 * everything else the compiler has to say is a warning: what an object refers to may come later.
 */
import { isDeepStrictEqual } from 'node:util'
import { refText } from '@smi-mesh/dataplane/mesh'
import { isSmi, type Problem, review } from '@smi-mesh/smi-crds'
import type { Finding } from '../compile/index.ts'
import type { ObjectChange } from '../facts/index.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import { objectRef } from '../object-ref.ts'
import type { AdmissionRequest, Verdict } from './admission-review.ts'

/** What the compiler would say of an object if it were so. */
export type WhatIf = (change: ObjectChange) => readonly Finding[]

export function judgeSmi(request: AdmissionRequest, whatIf: WhatIf): Verdict {
  const { object, operation } = request
  if (object === undefined || operation === 'DELETE' || !isSmi(object)) return { kind: 'allowed', warnings: [] }
  // A finalizer must come off whatever is wrong with the rest.
  if (fieldsOf(object['metadata'])['deletionTimestamp'] !== undefined) return { kind: 'allowed', warnings: [] }
  const { problems, warnings } = review(object)
  const said = warnings.map(sentence)
  if (problems.length > 0 && saysTheSame(request)) said.push(...problems.map(sentence))
  else if (problems.length > 0) {
    const name = refText(refOf(request))
    return { kind: 'denied', message: `${name}: ${problems.map(sentence).join(' ')}`, warnings: said }
  }
  const known = new Set(warnings.map(({ path }) => path))
  const found = whatIf({ ref: refOf(request), object: { ...object, metadata: named(request) } })
  const tellable = found.filter(one => !known.has(one.field) && !tellsOfOthers(one, request))
  return { kind: 'allowed', warnings: [...said, ...tellable.map(remark)] }
}

/**
 * Whoever reaches the port may ask, and is told nothing of other namespaces than the object's: whether a source exists that is in
 * another stands in the status of the object, for those who may write one.
 */
function tellsOfOthers({ field, reason }: Finding, { object, namespace }: AdmissionRequest): boolean {
  if (reason !== 'ServiceAccountNotFound' && reason !== 'IdentityBindingNotFound') return false
  const [, at] = /^spec\.sources\[(\d+)\]/.exec(field) ?? []
  const sources = listOf(fieldsOf(object?.['spec'])['sources'] ?? object?.['sources'])
  return at !== undefined && textOf(fieldsOf(sources[Number(at)])['namespace'], namespace) !== namespace
}

/** Who changes a label of an object that is wrong already is not to be held up by it. */
function saysTheSame({ object, before }: AdmissionRequest): boolean {
  return before !== undefined && isDeepStrictEqual(bare(object), bare(before))
}

function bare(object: Fields | undefined): Fields {
  const { apiVersion: _version, kind: _kind, metadata: _metadata, status: _status, ...rest } = object ?? {}
  return rest
}

/** By what the object says it is: a stranger's request may call it something else. */
function refOf({ object, namespace, name }: AdmissionRequest) {
  return objectRef(textOf(object?.['apiVersion']), textOf(object?.['kind']), namespace, name)
}

/** With `generateName` there is no name yet, and nothing refers to the object by one. */
function named({ object, namespace, name }: AdmissionRequest) {
  return { ...fieldsOf(object?.['metadata']), namespace, name }
}

function sentence({ path, message }: Problem): string {
  return path === '' ? message : `${path}: ${message}`
}

function remark({ field, message }: Finding): string {
  return field === '' ? message : `${field}: ${message}`
}

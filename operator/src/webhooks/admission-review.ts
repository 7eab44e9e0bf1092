/** The envelope of admission (admission.k8s.io/v1): out of it comes a request, into it goes a verdict. */
import { type Fields, fieldsOf, textOf } from '../facts/read.ts'

export interface AdmissionRequest {
  readonly uid: string
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string }
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  /** Of the request: an object that is being created may name none itself. */
  readonly namespace: string
  /** Empty where the API server is to make a name up. */
  readonly name: string
  /** Undefined of a deletion. */
  readonly object: Fields | undefined
  /** What is there already; undefined of a creation. */
  readonly before: Fields | undefined
  readonly dryRun: boolean
}

/** Each operation adds, replaces or removes one value (RFC 6902). */
export type JsonPatch = readonly Fields[]

export type Verdict =
  | { readonly kind: 'allowed'; readonly warnings: readonly string[]; readonly patch?: JsonPatch }
  | { readonly kind: 'denied'; readonly message: string; readonly warnings: readonly string[] }

/** A sentence instead where this is no review that can be answered. */
export function admissionRequest(body: unknown): AdmissionRequest | string {
  const review = fieldsOf(body)
  if (review['kind'] !== 'AdmissionReview' || review['apiVersion'] !== API_VERSION) {
    return `An AdmissionReview of ${API_VERSION} was expected, not ${textOf(review['kind'], 'nothing')} of ${textOf(review['apiVersion'], 'no version')}.`
  }
  const request = fieldsOf(review['request'])
  const uid = textOf(request['uid'])
  const operation = OPERATIONS.find(one => one === request['operation'])
  if (uid === '' || operation === undefined) return 'The AdmissionReview has no request with a uid and an operation.'
  const { group, version, kind } = fieldsOf(request['kind'])
  return {
    uid,
    kind: { group: textOf(group), version: textOf(version), kind: textOf(kind) },
    operation,
    namespace: textOf(request['namespace']),
    name: textOf(request['name']),
    object: objectOf(request['object']),
    before: objectOf(request['oldObject']),
    dryRun: request['dryRun'] === true,
  }
}

function objectOf(value: unknown): Fields | undefined {
  return value === null || value === undefined ? undefined : fieldsOf(value)
}

/** The review that answers. */
export function admissionAnswer(uid: string, verdict: Verdict): Fields {
  const warnings = verdict.warnings.length === 0 ? {} : { warnings: bounded(verdict.warnings) }
  return { apiVersion: API_VERSION, kind: 'AdmissionReview', response: { uid, ...outcome(verdict), ...warnings } }
}

function outcome(verdict: Verdict): Fields {
  if (verdict.kind === 'denied') {
    return { allowed: false, status: { code: 422, reason: 'Invalid', message: verdict.message } }
  }
  if (verdict.patch === undefined || verdict.patch.length === 0) return { allowed: true }
  const patch = Buffer.from(JSON.stringify(verdict.patch)).toString('base64')
  return { allowed: true, patchType: 'JSONPatch', patch }
}

/** "Individual warning messages may be truncated … larger than 4,096 characters in total are dropped" (API reference). */
function bounded(warnings: readonly string[]): readonly string[] {
  const kept = warnings
    .slice(0, MOST_WARNINGS)
    .map(text => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text))
  const left = warnings.length - kept.length
  return left === 0 ? kept : [...kept, `${left} more warnings: see the status of the object.`]
}

const API_VERSION = 'admission.k8s.io/v1'
const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const
const MOST_WARNINGS = 12
const LONGEST = 300

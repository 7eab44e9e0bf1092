/** A finding in one line, for people: where it is written, what it is about and why. Knows no terminal. */
import { type ObjectRef, refText } from '@smi-mesh/dataplane/mesh'
import type { Finding } from './compile/index.ts'

/** Where an object is written; undefined where nobody knows. */
export type OriginOf = (ref: ObjectRef) => string | undefined

/** @example findingText(finding, origin) // shop/policy.yaml:12: TrafficSplit shop/canary, spec.backends[1].service (BackendNotFound): … */
export function findingText(finding: Finding, origin: string | undefined): string {
  return placed(`${findingSubject(finding)}: ${finding.message}`, origin)
}

/** What a finding is about and why. The message may change while it stands, and differ for each port of a Service. */
export function findingSubject({ about, reason, field }: Finding): string {
  return `${refText(about)}${field === '' ? '' : `, ${field}`} (${reason})`
}

/** A line that begins with where it is to be looked at. */
export function placed(text: string, origin: string | undefined): string {
  return origin === undefined || origin === '' ? text : `${origin}: ${text}`
}

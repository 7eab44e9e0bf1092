/** The status of everything at hand: objects and what was found about them, put together. */
import { refText } from '@smi-mesh/dataplane/mesh'
import type { Finding } from '../compile/finding.ts'
import type { Subject } from '../facts/facts.ts'
import { type ObjectStatus, statusDocument } from './conditions.ts'

export function statusOf(subjects: readonly Subject[], findings: readonly Finding[]): readonly ObjectStatus[] {
  const byObject = Map.groupBy(findings, finding => refText(finding.about))
  return statusDocument(subjects, ({ ref }) => byObject.get(refText(ref)) ?? [])
}

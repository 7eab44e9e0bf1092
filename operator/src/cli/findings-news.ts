/** What is new among findings, as lines: each said once when it comes up, and once when it is settled. */
import { refText } from '@smi-mesh/dataplane/mesh'
import type { Finding } from '../compile/index.ts'

export function findingText(finding: Finding): string {
  return `${subjectOf(finding)}: ${finding.message}`
}

/** What a finding is about and why. The message may change while it stands, and differ for each port of a Service. */
function subjectOf({ about, reason, field }: Finding): string {
  return `${refText(about)}${field === '' ? '' : `, ${field}`} (${reason})`
}

/** Gives a function that is told all findings of each revision, and says what changed. */
export function newsOf(say: (line: string) => void): (findings: readonly Finding[]) => void {
  let known: ReadonlySet<string> = new Set()
  let unsettled: ReadonlySet<string> = new Set()
  return findings => {
    const before = { known, unsettled }
    known = new Set(findings.map(findingText))
    unsettled = new Set(findings.map(subjectOf))
    for (const text of known) if (!before.known.has(text)) say(`! ${text}`)
    for (const subject of before.unsettled) if (!unsettled.has(subject)) say(`settled: ${subject}`)
  }
}

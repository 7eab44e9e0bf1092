/** What is new among findings, as lines: each said once when it comes up, and once when it is settled. */
import { refText } from '@smi-mesh/dataplane/mesh'
import type { Finding } from '../compile/index.ts'

export function findingText({ about, reason, field, message }: Finding): string {
  return `${refText(about)}${field === '' ? '' : `, ${field}`} (${reason}): ${message}`
}

/** Gives a function that is told all findings of each revision, and says what changed. */
export function newsOf(say: (line: string) => void): (findings: readonly Finding[]) => void {
  let known: ReadonlySet<string> = new Set()
  return findings => {
    const current = new Set(findings.map(findingText))
    for (const text of current) if (!known.has(text)) say(`! ${text}`)
    for (const text of known) if (!current.has(text)) say(`settled: ${text}`)
    known = current
  }
}

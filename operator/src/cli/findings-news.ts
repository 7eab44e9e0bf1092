/** What is new among findings, as lines: each said once when it comes up, and once when it is settled. */
import type { Finding } from '../compile/index.ts'
import { findingSubject, findingText, type OriginOf } from '../finding-text.ts'

/** Gives a function that is told all findings of each revision, and says what changed. That an object moves is no news. */
export function newsOf(say: (line: string) => void): (findings: readonly Finding[], originOf: OriginOf) => void {
  let known: ReadonlySet<string> = new Set()
  let unsettled: ReadonlySet<string> = new Set()
  return (findings, originOf) => {
    const before = { known, unsettled }
    const texts = new Map(findings.map(finding => [findingText(finding, undefined), finding]))
    known = new Set(texts.keys())
    unsettled = new Set(findings.map(findingSubject))
    for (const [text, finding] of texts) {
      if (!before.known.has(text)) say(`! ${findingText(finding, originOf(finding.about))}`)
    }
    for (const subject of before.unsettled) if (!unsettled.has(subject)) say(`settled: ${subject}`)
  }
}

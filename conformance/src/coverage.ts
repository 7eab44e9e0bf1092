/** Which cases cover which sentences of the text, and what is wrong with that. */
import type { Case } from './case.ts'
import type { Sentence, SpecText } from './spec.ts'
import type { CaseResult } from './suite/run-case.ts'

export interface Covered {
  readonly sentence: Sentence
  readonly cases: readonly Case[]
}

export function coverage({ sentences }: SpecText, cases: readonly Case[]): readonly Covered[] {
  return sentences.map(sentence => ({ sentence, cases: cases.filter(one => one.spec.includes(sentence.id)) }))
}

export interface Open {
  readonly sentence: Sentence
  readonly why: string
}

/** Sentences that a run has not shown to hold: a case differs, or none of theirs was asked. */
export function open({ sentences }: SpecText, results: readonly CaseResult[]): readonly Open[] {
  return sentences.flatMap(sentence => {
    const those = results.filter(one => one.case.spec.includes(sentence.id))
    const failed = those.filter(({ verdict }) => verdict.kind === 'failed')
    if (failed.length > 0) return [{ sentence, why: `differs in ${failed.map(one => one.case.id).join(', ')}` }]
    if (those.some(({ verdict }) => verdict.kind === 'passed')) return []
    const reasons = those.flatMap(({ verdict }) => (verdict.kind === 'skipped' ? [verdict.why] : []))
    return [{ sentence, why: [...new Set(reasons)].join('; ') || 'this run has none of its cases' }]
  })
}

/** Sentences that no case covers, cases that cite what is not in the list, and ids that stand for two sentences. */
export function gaps(spec: SpecText, cases: readonly Case[]): readonly string[] {
  const ids = spec.sentences.map(({ id }) => id)
  const known = new Set(ids)
  return [
    ...ids.filter((id, at) => ids.indexOf(id) !== at).map(id => `Two sentences are called ${id}.`),
    ...coverage(spec, cases)
      .filter(covered => covered.cases.length === 0)
      .map(({ sentence }) => `No case covers ${sentence.id}: "${sentence.quote}"`),
    ...cases.flatMap(one =>
      one.spec.filter(id => !known.has(id)).map(id => `${one.id} cites ${id}, which is no sentence.`),
    ),
    ...cases.filter(({ spec }) => spec.length === 0).map(({ id }) => `${id} cites no sentence.`),
  ]
}

/** The table of all of it, as Markdown. */
export function coverageText(spec: SpecText, cases: readonly Case[]): string {
  const texts = [...new Set(spec.sentences.map(({ of }) => of))]
  const counted = `${spec.sentences.length} sentences are covered by cases; ${spec.unchecked.length} cannot be contradicted by any implementation.`
  return [
    '# Sentences of the SMI texts and the cases that cover them\n',
    'Written by `node conformance/src/run.ts coverage`. The sentences are those of the texts as published (Apache License 2.0).\n',
    `${counted}\n`,
    ...texts.map(of => textTable(of, coverage(spec, cases))),
    '## Sentences that nothing could contradict\n',
    ...uncheckedLists(spec),
  ].join('\n')
}

function textTable(of: string, covered: readonly Covered[]): string {
  const rows = covered
    .filter(({ sentence }) => sentence.of === of)
    .map(({ sentence, cases }) => {
      const files = [...new Set(cases.map(({ id }) => id.split('@')[0] ?? id))]
      return `| ${sentence.id} | ${versionsText(sentence.versions)} | ${cell(sentence.quote)} | ${files.join('<br>')} |`
    })
  return [`## ${of}\n`, '| id | versions | sentence | cases |', '|---|---|---|---|', ...rows, ''].join('\n')
}

function uncheckedLists({ unchecked }: SpecText): readonly string[] {
  return [...Map.groupBy(unchecked, ({ reason }) => reason)].map(([reason, entries]) =>
    [`**${reason}**\n`, ...entries.map(one => `- ${one.of} ${versionsText(one.versions)}: ${one.quote}`), ''].join(
      '\n',
    ),
  )
}

export function versionsText(versions: readonly string[]): string {
  const [first = '', last = first] = [versions[0], versions.at(-1)]
  return first === last ? first : `${first} to ${last}`
}

/** A text that fits into a cell of a table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

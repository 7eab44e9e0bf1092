/** The results of a run for people and machines: by kind and version, case by case, as Markdown, JUnit and JSON. */
import { versionsOf } from './case/read.ts'
import { cell, open } from './coverage.ts'
import type { SpecText } from './spec.ts'
import type { CaseResult } from './suite/run-case.ts'
import type { SuiteResult } from './suite.ts'

/** FULL: all that was asked is as the text says. NONE: nothing was, or nothing could be asked. */
export type Support = 'FULL' | 'PARTIAL' | 'NONE'

export interface VersionResult {
  readonly kind: string
  readonly version: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly support: Support
}

/** One row for each kind and version that any case is written in. */
export function byVersion({ results }: SuiteResult): readonly VersionResult[] {
  const rows = results.flatMap(result => asksOf(result).map(name => ({ name, verdict: result.verdict.kind })))
  return [...Map.groupBy(rows, ({ name }) => name)]
    .map(([name, verdicts]) => {
      const count = (kind: string) => verdicts.filter(({ verdict }) => verdict === kind).length
      const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')]
      const [kind = '', version = ''] = name.split(' ')
      const support: Support = passed === 0 ? 'NONE' : failed + skipped === 0 ? 'FULL' : 'PARTIAL'
      return { kind, version, passed, failed, skipped, support }
    })
    .sort((a, b) => compare(`${a.kind} ${a.version}`, `${b.kind} ${b.version}`))
}

function asksOf({ case: one }: CaseResult): readonly string[] {
  return one.needs.includes('metrics') ? ['TrafficMetrics v1alpha1'] : versionsOf(one)
}

export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export function totals({ results }: SuiteResult): Totals {
  const count = (kind: string) => results.filter(({ verdict }) => verdict.kind === kind).length
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') }
}

export function totalsText(result: SuiteResult): string {
  const { passed, failed, skipped } = totals(result)
  return `${result.driver}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${(result.ms / 1000).toFixed(1)} s`
}

/** How many sentences hold by what was asked; of the others, why that is not known, or where the mesh differs. */
function sentencesText(spec: SpecText, { results }: SuiteResult): readonly string[] {
  const others = open(spec, results)
  const rows = others.map(({ sentence, why }) => `| ${sentence.id} | ${cell(why)} |`)
  const held = spec.sentences.length - others.length
  return [
    `\n## Sentences\n\nOf ${spec.sentences.length} sentences of the texts ${held} hold by at least one case, and no case differs.\n`,
    ...(rows.length > 0 ? ['| sentence | why not |\n|---|---|', ...rows] : []),
  ]
}

export function markdown(result: SuiteResult, spec: SpecText): string {
  const { results } = result
  const rows = byVersion(result).map(
    row => `| ${row.kind} | ${row.version} | ${row.support} | ${row.passed} | ${row.failed} | ${row.skipped} |`,
  )
  const failures = results.flatMap(({ case: one, verdict }) =>
    verdict.kind === 'failed' ? [`| ${one.id} | ${cell(one.title)} | ${cell(verdict.why)} |`] : [],
  )
  const skipped = [...Map.groupBy(results, ({ verdict }) => (verdict.kind === 'skipped' ? verdict.why : ''))]
    .filter(([why]) => why !== '')
    .map(([why, those]) => `- ${why}: ${those.map(({ case: one }) => one.id).join(', ')}`)
  return [
    `# SMI conformance: ${totalsText(result)}\n`,
    '| kind | version | support | passed | failed | skipped |\n|---|---|---|---|---|---|',
    ...rows,
    ...(failures.length > 0
      ? ['\n## What differs from the text\n', '| case | what it asks | what came of it |\n|---|---|---|', ...failures]
      : []),
    ...(skipped.length > 0 ? ['\n## What was not asked, and why\n', ...skipped] : []),
    ...sentencesText(spec, result),
    '',
  ].join('\n')
}

/** As Jenkins, GitLab and most others read it. */
export function junit(result: SuiteResult): string {
  const { failed, skipped } = totals(result)
  const cases = result.results.map(({ case: one, verdict, ms }) => {
    const inside =
      verdict.kind === 'failed'
        ? `<failure message="${xml(verdict.why)}"/>`
        : verdict.kind === 'skipped'
          ? `<skipped message="${xml(verdict.why)}"/>`
          : ''
    const group = `smi.${one.scene.group}`
    const name = `${one.id}: ${one.title}`
    return `    <testcase classname="${xml(group)}" name="${xml(name)}" time="${(ms / 1000).toFixed(3)}">${inside}</testcase>`
  })
  const counts = `tests="${cases.length}" failures="${failed}" skipped="${skipped}" time="${(result.ms / 1000).toFixed(3)}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite name="smi-conformance ${xml(result.driver)}" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

export function json(result: SuiteResult): string {
  const cases = result.results.map(({ case: one, verdict, ms }) => ({
    ...{ id: one.id, title: one.title, spec: one.spec, versions: versionsOf(one) },
    result: verdict.kind,
    ...(verdict.kind === 'passed' ? {} : { why: verdict.why }),
    ms: Math.round(ms),
  }))
  const summary = { driver: result.driver, ...totals(result), ms: Math.round(result.ms), versions: byVersion(result) }
  return `${JSON.stringify({ ...summary, cases }, undefined, 2)}\n`
}

function xml(text: string): string {
  const named: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    '\n': '&#10;',
  }
  // Control characters are no XML at all, not even escaped.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
  return text.replace(/[\u0000-\u0009\u000b-\u001f]/g, '').replace(/[&<>"\n]/g, found => named[found] ?? '')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

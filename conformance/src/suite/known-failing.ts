/** Lists of cases: those known to differ from the text, which may only grow fewer, and those that prove nothing by themselves. */
import type { CaseResult } from './run-case.ts'

/** One id a line; what follows a `#` is the reason. */
export function listedIn(source: string): ReadonlySet<string> {
  const lines = source.split('\n').map(line => line.replace(/#.*/, '').trim())
  return new Set(lines.filter(line => line !== ''))
}

/** What makes a run fail: a case that differs and is not listed, and a listed one that is as the text says, or does not exist. */
export function surprises(results: readonly CaseResult[], known: ReadonlySet<string>): readonly string[] {
  const byId = new Map(results.map(result => [result.case.id, result.verdict]))
  const failed = results.flatMap(({ case: one, verdict }) =>
    verdict.kind === 'failed' && !known.has(one.id) ? [`${one.id}: ${verdict.why}`] : [],
  )
  const stale = [...known].flatMap(id => {
    const verdict = byId.get(id)
    if (verdict === undefined) return [`${id} is listed as failing, and there is no such case; remove the line.`]
    return verdict.kind === 'passed' ? [`${id} is listed as failing, and passes; remove the line.`] : []
  })
  return [...failed, ...stale]
}

/** What makes a run fail where every case has to: one that passes, and one that could not even be asked. */
export function greens(results: readonly CaseResult[]): readonly string[] {
  return results.flatMap(({ case: one, verdict }) => {
    if (verdict.kind === 'passed')
      return [`${one.id} passes where no mesh is: correct it, or say in passes-without-mesh.txt why it may.`]
    const isUnasked = verdict.kind === 'failed' && verdict.unasked === true
    return isUnasked ? [`${one.id} could not be asked, so that nothing is known of it: ${verdict.why}`] : []
  })
}

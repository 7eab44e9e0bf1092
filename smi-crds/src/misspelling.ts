/** Objects that were meant to be of SMI and are not, by a slip: nobody reads what has another kind or group. */

import { splitApiVersion } from './identify.ts'
import { isFields } from './json.ts'
import { KINDS } from './kinds.ts'
import type { Problem } from './problem.ts'
import { quote } from './quote.ts'
import { resembles } from './resembles.ts'

/** Gateway API has these too. */
const SHARED: ReadonlySet<string> = new Set(['TCPRoute', 'UDPRoute'])

/** What should be written instead of its `kind` or `apiVersion`; undefined for what is as it should be, and for what is of others. */
export function misspelling(object: unknown): Problem | undefined {
  if (!isFields(object)) return undefined
  const { apiVersion, kind } = object
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined
  const { group } = splitApiVersion(apiVersion)
  const ofGroup = KINDS.filter(info => info.group === group)
  if (ofGroup.length > 0) {
    const meant = ofGroup.some(info => info.kind === kind)
      ? undefined
      : ofGroup.find(info => resembles(info.kind, kind))
    return meant && problem('kind', `The group ${group} has no kind ${quote(kind)}; did you mean ${meant.kind}?`)
  }
  const meant = KINDS.find(info => info.kind === kind)
  if (meant === undefined || !isMeant(apiVersion, group, meant)) return undefined
  const written = `${meant.group}/${meant.versions.at(-1)}`
  return problem('apiVersion', `There is no ${kind} of ${quote(apiVersion)}; did you mean ${written}?`)
}

function isMeant(apiVersion: string, group: string, { kind, group: right }: (typeof KINDS)[number]): boolean {
  return apiVersion.includes('smi-spec') || resembles(right, group) || (group === '' && !SHARED.has(kind))
}

function problem(path: string, message: string): Problem {
  return { path, message, rule: 'kind-unknown' }
}

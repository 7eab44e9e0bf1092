/** Whether what was seen is what the text says; if not, how it differs, in words. */
import { chanceOf } from '../case/chance.ts'
import type { Ask, CallExpectation, ConditionExpectation } from '../case.ts'
import type { Condition } from '../condition.ts'
import type { CallOutcome, Seen } from './driver.ts'

type CallAsk = Extract<Ask, { kind: 'call' }>

/** Undefined: as expected. */
export function judgeCalls({ when, expected: then }: CallAsk, seen: Seen): string | undefined {
  const wrong = seen.outcomes.filter(({ outcome, part }) => part > 0 && !fits(then, when.call.kind, outcome))
  if (wrong.length > 0) return `${expectedText(then, when.call.kind)}, and ${seenText(seen)}`
  if (seen.outcomes.length === 0) return `${expectedText(then, when.call.kind)}, and nothing happened`
  const uneven = then.kind === 'shares' ? unevenness(then.weights, seen) : undefined
  if (uneven !== undefined) return uneven
  if (when.connection === 'kept' && seen.connections !== undefined && seen.connections > 1) {
    return `one connection was to be kept, and it took ${seen.connections}`
  }
  return undefined
}

function fits(then: CallExpectation, call: string, outcome: CallOutcome): boolean {
  const http = call === 'http' || call === 'grpc'
  switch (then.kind) {
    case 'allowed':
      return outcome.kind === 'answered'
    case 'by': {
      if (outcome.kind !== 'answered' || !then.workloads.includes(outcome.workload)) return false
      return then.at === undefined || outcome.port === undefined || outcome.port === then.at
    }
    case 'shares':
      return outcome.kind === 'answered' && outcome.workload in then.weights
    case 'denied':
      if (!http) return outcome.kind === 'closed'
      if (outcome.kind !== 'status' || outcome.status !== then.status) return false
      return then.reason === undefined || outcome.reason === undefined || outcome.reason === then.reason
    case 'unavailable':
      return http ? outcome.kind === 'status' && outcome.status === 503 : outcome.kind === 'closed'
  }
}

const ROUNDING = 1e-9

/** Counted shares may differ as much as chance lets them (binomial); predicted ones may not. */
function unevenness(weights: Readonly<Record<string, number>>, { kind, outcomes }: Seen): string | undefined {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0)
  const times = outcomes.reduce((total, { part }) => total + part, 0)
  for (const [workload, weight] of Object.entries(weights)) {
    const share = weight / sum
    const part = outcomes
      .filter(({ outcome }) => outcome.kind === 'answered' && outcome.workload === workload)
      .reduce((total, one) => total + one.part, 0)
    const allowance = kind === 'predicted' ? ROUNDING : chanceOf(share, times)
    if (Math.abs(part - times * share) > allowance) {
      const bound = kind === 'predicted' ? 'exactly' : `within ${allowance.toFixed(0)}`
      return `${workload} was to get ${(times * share).toFixed(kind === 'predicted' ? 3 : 0)} of ${times} ${bound}, and got ${part}`
    }
  }
  return undefined
}

function expectedText(then: CallExpectation, call: string): string {
  const http = call === 'http' || call === 'grpc'
  switch (then.kind) {
    case 'allowed':
      return 'every call was to be answered'
    case 'by':
      return `every call was to be answered by ${then.workloads.join(' or ')}${then.at === undefined ? '' : ` at ${then.at}`}`
    case 'shares':
      return `calls were to be answered by ${Object.keys(then.weights).join(' and ')}`
    case 'denied':
      return `every call was to be denied${http ? ` with ${then.status}${then.reason ? ` (${then.reason})` : ''}` : ''}`
    case 'unavailable':
      return `nobody was to take the call (${http ? '503' : 'the connection is closed'})`
  }
}

function seenText({ kind, outcomes }: Seen): string {
  const parts = outcomes.map(({ outcome, part }) => {
    const often = kind === 'predicted' ? `${(part * 100).toFixed(1)} %` : `${part}`
    return `${often} ${outcomeText(outcome)}`
  })
  return `this came of them: ${parts.join(', ')}`
}

function outcomeText(outcome: CallOutcome): string {
  switch (outcome.kind) {
    case 'answered':
      return `answered by ${outcome.workload}${outcome.port === undefined ? '' : ` at ${outcome.port}`}`
    case 'status':
      return `status ${outcome.status}${outcome.reason === undefined ? '' : ` (${outcome.reason})`}`
    case 'closed':
      return 'closed'
    case 'unexpected':
      return outcome.what
  }
}

export function judgeConditions(then: ConditionExpectation, seen: readonly Condition[]): string | undefined {
  const found = seen.find(({ type }) => type === then.type)
  if (found?.status === then.status && found.reason === then.reason) return undefined
  const said = found === undefined ? 'there is none' : `it is ${found.status}, ${found.reason}`
  return `the condition ${then.type} was to be ${then.status}, ${then.reason}, and ${said}`
}

/** Whether a value has all of another: maps may have more, lists may have more items in any order. */
export function has(actual: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(actual) && wanted.every(item => actual.some(one => has(one, item)))
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof actual !== 'object' || actual === null) return false
    const found = new Map(Object.entries(actual))
    return Object.entries(wanted).every(([key, value]) => has(found.get(key), value))
  }
  return actual === wanted
}

/** Asks a driver one case, step by step, until one step differs or all are as the text says. */
import { isDeepStrictEqual } from 'node:util'
import { objectText } from '../case/objects.ts'
import type { Ask, Case, Step } from '../case.ts'
import type { RawObject } from '../world.ts'
import type { Driver, Stage } from './driver.ts'
import { has, judgeCalls, judgeConditions } from './judge.ts'

export interface CaseResult {
  readonly case: Case
  readonly verdict: Verdict
  readonly ms: number
}

export type Verdict =
  | { readonly kind: 'passed' }
  /** `unasked`: it could not be asked, so that nothing is known of the mesh. */
  | { readonly kind: 'failed'; readonly why: string; readonly unasked?: true }
  | { readonly kind: 'skipped'; readonly why: string }

/** Whether a case was asked, and the mesh did not do as the text says. */
export function isRed(verdict: Verdict): boolean {
  return verdict.kind === 'failed' && verdict.unasked !== true
}

/** Why a driver cannot be asked a case; undefined where it can. */
export function reasonToSkip(driver: Driver, one: Case): string | undefined {
  return one.needs.map(need => driver.lacks.get(need)).find(why => why !== undefined) ?? driver.cannotTake?.(one)
}

export async function runCase(stage: Stage, one: Case): Promise<Verdict> {
  try {
    await stage.begin(one, one.access)
    if (one.given.length > 0) await stage.change({ apply: one.given, delete: [], scale: {} })
    for (const [at, step] of one.steps.entries()) {
      const why = await runStep(stage, step)
      if (why !== undefined) return { kind: 'failed', why: `step ${at + 1}: ${why}` }
    }
    return { kind: 'passed' }
  } catch (error) {
    return { kind: 'failed', why: error instanceof Error ? error.message : String(error), unasked: true }
  }
}

async function runStep(stage: Stage, step: Step): Promise<string | undefined> {
  const changes = step.apply.length + step.delete.length + Object.keys(step.scale).length
  if (changes > 0) await stage.change(step)
  return step.ask === undefined ? undefined : await patiently(stage, step.ask)
}

/** An answer that differs may only be late; one that is right is taken as it is. */
async function patiently(stage: Stage, ask: Ask): Promise<string | undefined> {
  const deadline = performance.now() + (stage.patienceMs ?? 0)
  for (;;) {
    const why = await answer(stage, ask)
    if (why === undefined || performance.now() >= deadline) return why
  }
}

async function answer(stage: Stage, ask: Ask): Promise<string | undefined> {
  switch (ask.kind) {
    case 'call':
      return judgeCalls(ask, await stage.call(ask.when))
    case 'condition':
      return judgeConditions(ask.expected, await stage.conditionsOf(ask.of))
    case 'refused': {
      const refusal = await stage.refusalOf(ask.object)
      return refusal === undefined ? 'the object was to be refused, and is taken' : undefined
    }
    case 'read': {
      const found = await stage.read(ask.of, ask.version)
      if (found === undefined) return `${objectText(ask.of)} cannot be read in ${ask.version}`
      const body = bodyOf(found)
      if (isDeepStrictEqual(body, ask.expected)) return undefined
      return `in ${ask.version} it was to be ${JSON.stringify(ask.expected)}, and is ${JSON.stringify(body)}`
    }
    case 'get': {
      const found = await stage.get(ask.path)
      if (!has(found, ask.expected))
        return `${ask.path} lacks ${JSON.stringify(ask.expected)}: ${JSON.stringify(found)}`
      const isClean = ask.unwanted === undefined || !has(found, ask.unwanted)
      return isClean ? undefined : `${ask.path} has ${JSON.stringify(ask.unwanted)}: ${JSON.stringify(found)}`
    }
  }
}

/** All that a user writes of an object beside its name. */
function bodyOf({
  apiVersion: _version,
  kind: _kind,
  metadata: _metadata,
  status: _status,
  ...body
}: RawObject): RawObject {
  return body
}

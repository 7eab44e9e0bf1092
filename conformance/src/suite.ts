/** The conformance suite: every case, asked of one driver, scene by scene. */
import type { Case, Scene } from './case.ts'
import type { Driver, Stage } from './suite/driver.ts'
import { type CaseResult, reasonToSkip, runCase, type Verdict } from './suite/run-case.ts'

export interface SuiteResult {
  readonly driver: string
  readonly results: readonly CaseResult[]
  readonly ms: number
}

export interface SuiteOptions {
  readonly now: () => number
  readonly progress?: (result: CaseResult) => void
}

export async function runSuite(driver: Driver, cases: readonly Case[], options: SuiteOptions): Promise<SuiteResult> {
  const began = options.now()
  const scenes = [...byScene(cases)]
  const results: CaseResult[][] = scenes.map(() => [])
  const waiting = scenes.entries()
  const player = async () => {
    for (const [at, [scene, here]] of waiting) results[at] = [...(await runScene(driver, scene, here, options))]
  }
  await Promise.all(Array.from({ length: driver.scenesAtOnce ?? 1 }, player))
  return { driver: driver.name, results: results.flat(), ms: options.now() - began }
}

/** Cases by the scene they play in, which is set up once for all of them. */
export function byScene(cases: readonly Case[]): ReadonlyMap<Scene, readonly Case[]> {
  return Map.groupBy(cases, one => one.scene)
}

async function runScene(
  driver: Driver,
  scene: Scene,
  cases: readonly Case[],
  { now, progress }: SuiteOptions,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  const note = (one: Case, verdict: Verdict, began: number) => {
    const result = { case: one, verdict, ms: now() - began }
    results.push(result)
    progress?.(result)
  }
  const asked = cases.filter(one => {
    const why = reasonToSkip(driver, one)
    if (why !== undefined) note(one, { kind: 'skipped', why }, now())
    return why === undefined
  })
  if (asked.length === 0) return results
  const stage = await entered(driver, scene)
  try {
    for (const one of asked) {
      const began = now()
      note(
        one,
        typeof stage === 'string' ? { kind: 'failed', why: stage, unasked: true } : await runCase(stage, one),
        began,
      )
    }
  } finally {
    if (typeof stage !== 'string') await stage.stop()
  }
  return results
}

/** A scene that does not come up is a failure of each of its cases, not of the run. */
async function entered(driver: Driver, scene: Scene): Promise<Stage | string> {
  try {
    return await driver.enter(scene)
  } catch (error) {
    return `the scene did not come up: ${error instanceof Error ? error.message : error}`
  }
}

/** Whether the suite notices a mesh that is wrong: each fault, and the cases that catch it. */
import type { Case } from './case.ts'
import type { EnvoySuiteDriver } from './drivers/suite-envoy.ts'
import { modelDriver } from './drivers/suite-model.ts'
import { FAULTS, type Fault } from './faults.ts'
import { reasonToSkip, runCase } from './suite/run-case.ts'
import { byScene } from './suite.ts'

export interface Caught {
  readonly fault: Fault
  /** The cases that fail because of it; with a limit, the first ones. */
  readonly by: readonly Case[]
  readonly asked: number
}

/** Each fault in the model; `enough`: how many cases that catch it are looked for. */
export async function faultsInModel(
  cases: readonly Case[],
  enough = Number.POSITIVE_INFINITY,
): Promise<readonly Caught[]> {
  const caught: Caught[] = []
  for (const fault of FAULTS) caught.push(await inModel(fault, cases, enough))
  return caught
}

async function inModel(fault: Fault, cases: readonly Case[], enough: number): Promise<Caught> {
  const driver = modelDriver(fault)
  const by: Case[] = []
  let asked = 0
  for (const [scene, here] of byScene(cases)) {
    const stage = await driver.enter(scene)
    for (const one of here) {
      if (by.length >= enough) return { fault, by, asked }
      if (reasonToSkip(driver, one) !== undefined) continue
      asked++
      if ((await runCase(stage, one)).kind === 'failed') by.push(one)
    }
  }
  return { fault, by, asked }
}

/** Cases of each scene that are asked of real proxies for each fault: those that catch it in the model come first. */
const ASKED_OF_PROXIES = 3

/** Each fault before real proxies, by the cases that catch it in the model: a scene is set up once for all of its faults. */
export async function faultsInEnvoy(driver: EnvoySuiteDriver, cases: readonly Case[]): Promise<readonly Caught[]> {
  const wanted = await faultsInModel(
    cases.filter(one => reasonToSkip(driver, one) === undefined),
    ASKED_OF_PROXIES,
  )
  const by = new Map<Fault, Case[]>(FAULTS.map(fault => [fault, []]))
  for (const [scene] of byScene(wanted.flatMap(one => one.by))) {
    const stage = await driver.enter(scene)
    try {
      for (const { fault, by: catching } of wanted) {
        stage.spoil(fault)
        for (const one of catching.filter(({ scene: its }) => its === scene)) {
          if ((await runCase(stage, one)).kind === 'failed') by.get(fault)?.push(one)
        }
      }
    } finally {
      await stage.stop()
    }
  }
  return wanted.map(({ fault, by: catching }) => ({ fault, by: by.get(fault) ?? [], asked: catching.length }))
}

export function caughtText(caught: readonly Caught[]): string {
  const rows = caught.map(({ fault, by, asked }) => {
    const some = by.slice(0, 3).map(({ id }) => id)
    const more = by.length > some.length ? ` and ${by.length - some.length} more` : ''
    return `| ${fault.name} | ${fault.says} | ${by.length} of ${asked} | ${some.join(', ') || 'NONE'}${more} |`
  })
  return ['| fault | such a mesh | red | cases that catch it |', '|---|---|---|---|', ...rows, ''].join('\n')
}

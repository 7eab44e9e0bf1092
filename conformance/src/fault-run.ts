/** Whether the suite notices a mesh that is wrong: each fault, and the cases that catch it. */
import type { Case, Scene } from './case.ts'
import type { EnvoyStage, EnvoySuiteDriver } from './drivers/suite-envoy.ts'
import { modelDriver } from './drivers/suite-model.ts'
import { FAULTS, type Fault } from './faults.ts'
import type { Driver, Stage } from './suite/driver.ts'
import { isRed, reasonToSkip, runCase, type Verdict } from './suite/run-case.ts'
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
      if (isRed(await runCase(stage, one))) by.push(one)
    }
  }
  return { fault, by, asked }
}

/** Cases that are asked of real proxies for each fault: the first that catch it in the model. */
const ASKED_OF_PROXIES = 3
/** Of a cluster the second one is asked only where the first does not catch it. */
const ASKED_OF_A_CLUSTER = 2
const ROUNDS = 3

/** The cases that proxies are to be asked about each fault, those that catch it in the model. */
export function faultsToAsk(
  driver: Driver,
  cases: readonly Case[],
  enough = ASKED_OF_PROXIES,
): Promise<readonly Caught[]> {
  return faultsInModel(
    cases.filter(one => reasonToSkip(driver, one) === undefined),
    enough,
  )
}

/** Each fault on a stage that is set up, and which of its cases catch it there. The mesh is right again afterwards. */
export async function faultsOnStage(
  stage: EnvoyStage,
  scene: Scene,
  wanted: readonly Caught[],
): Promise<readonly Caught[]> {
  const caught: Caught[] = []
  for (const { fault, by } of wanted) {
    const here = by.filter(one => one.scene === scene)
    stage.spoil(fault)
    const red: Case[] = []
    for (const one of here) if (isRed(await runCase(stage, one))) red.push(one)
    caught.push({ fault, by: red, asked: here.length })
  }
  stage.spoil(undefined)
  return caught
}

/** Each fault before real proxies: a scene is set up once for all of its faults. */
export async function faultsInEnvoy(driver: EnvoySuiteDriver, cases: readonly Case[]): Promise<readonly Caught[]> {
  const wanted = await faultsToAsk(driver, cases)
  const caught: Caught[] = []
  for (const [scene] of byScene(wanted.flatMap(one => one.by))) {
    const stage = await driver.enter(scene)
    try {
      caught.push(...(await faultsOnStage(stage, scene, wanted)))
    } finally {
      await stage.stop()
    }
  }
  return together(caught)
}

/** What was caught in several scenes, fault by fault. */
export function together(caught: readonly Caught[]): readonly Caught[] {
  return FAULTS.map(fault => {
    const those = caught.filter(one => one.fault === fault)
    const asked = those.reduce((sum, one) => sum + one.asked, 0)
    return { fault, by: those.flatMap(({ by }) => by), asked }
  })
}

/** What came of faults; `control`: cases that fail where there is no fault, so that nothing follows from them. */
export interface FaultRun {
  readonly caught: readonly Caught[]
  readonly control: readonly Case[]
}

/** A mesh in a cluster that can be made wrong. All of it is, so that one case is asked at a time while it is. */
export interface SpoilableDriver extends Driver {
  /** From the next case on; undefined makes it right again. */
  spoil(fault: Fault | undefined): void
}

/** Each fault in a cluster. All scenes are there from the beginning: pods take longest. */
export async function faultsInCluster(driver: SpoilableDriver, cases: readonly Case[]): Promise<FaultRun> {
  const wanted = await faultsToAsk(driver, cases, ASKED_OF_A_CLUSTER)
  const asked = [...new Set(wanted.flatMap(({ by }) => by))]
  const scenes = byScene(asked)
  const stages = new Map<Scene, Stage>()
  const verdictOn = (one: Case) => {
    const stage = stages.get(one.scene)
    if (stage === undefined) throw new Error(`The scene ${one.scene.group} is not there.`)
    return runCase(stage, one)
  }
  try {
    await Promise.all([...scenes.keys()].map(async scene => stages.set(scene, await driver.enter(scene))))
    // Where nothing is wrong, no case can see another's fault; as many scenes at once as elsewhere, since all are waited for.
    const control: Case[] = []
    const next = scenes.values()
    const player = async () => {
      for (const here of next) for (const one of here) if ((await verdictOn(one)).kind === 'failed') control.push(one)
    }
    driver.spoil(undefined)
    await Promise.all(Array.from({ length: driver.scenesAtOnce ?? 1 }, player))
    const caught: Caught[] = []
    for (const { fault, by } of wanted) {
      driver.spoil(fault)
      caught.push({ fault, ...(await untilCaught(by, verdictOn)) })
    }
    return { caught, control }
  } finally {
    await Promise.all([...stages.values()].map(stage => stage.stop()))
  }
}

/**
 * One red case is enough, and what is red is asked for seconds. What is right may have been asked before the mesh heard of its
 * fault, as nothing says when it has: all are asked again.
 */
async function untilCaught(cases: readonly Case[], verdictOn: (one: Case) => Promise<Verdict>) {
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [at, one] of cases.entries()) {
      if (isRed(await verdictOn(one))) return { by: [one], asked: round === 1 ? at + 1 : cases.length }
    }
  }
  return { by: [], asked: cases.length }
}

export function caughtText(caught: readonly Caught[]): string {
  const rows = caught.map(({ fault, by, asked }) => {
    const some = by.slice(0, 3).map(({ id }) => id)
    const more = by.length > some.length ? ` and ${by.length - some.length} more` : ''
    return `| ${fault.name} | ${fault.says} | ${by.length} of ${asked} | ${some.join(', ') || 'NONE'}${more} |`
  })
  return ['| fault | such a mesh | red | cases that catch it |', '|---|---|---|---|', ...rows, ''].join('\n')
}

/** One line. */
export function caughtTotal(driver: string, caught: readonly Caught[]): string {
  const missed = caught.filter(({ by }) => by.length === 0).map(({ fault }) => fault.name)
  const unnoticed = missed.length === 0 ? '' : `; nobody noticed ${missed.join(', ')}`
  return `${driver}: ${caught.length - missed.length} of ${caught.length} faults turn the suite red${unnoticed}`
}

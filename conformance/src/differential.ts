/**
 * Three opinions on the same requests in the same worlds: the SMI text (oracle), the model (`decide`) and real proxies. Any two
 * that differ are a bug in one of them; it is cut down to the objects that matter and written as the input of a golden case.
 *
 *     node conformance/src/differential.ts --worlds 5000 --seed 1
 */
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { answerText } from './compare.ts'
import { type EnvoyDriver, fitsHttp2, startEnvoyDriver } from './drivers/envoy.ts'
import { askModel, meshOf } from './drivers/model.ts'
import { caseText } from './golden-case.ts'
import { envoyBinary } from './harness/envoy.ts'
import { visible } from './oracle/visible.ts'
import { oracle } from './oracle.ts'
import { requests } from './requests.ts'
import { Shares } from './shares.ts'
import { shrink } from './shrink.ts'
import { DEFAULT_WORLD_CONFIG, type Outcome, type Request, type World, type WorldConfig } from './world.ts'
import { worlds } from './worlds.ts'

export interface DifferentialOptions {
  readonly binary: string
  readonly config: WorldConfig
  readonly worlds: number
  readonly requests: number
  readonly seed: number
  readonly progress?: (done: number, report: Report) => void
}

export interface Report {
  readonly worlds: number
  readonly requests: number
  /** Differences that were gone when asked again: proxies that were a moment behind. */
  readonly late: number
  /** Each a text that says who said what, and the world. */
  readonly disagreements: readonly string[]
  /** How far observed shares of splits are from the weights, in standard deviations, and of how many requests. */
  readonly shares: { readonly deviations: number; readonly requests: number }
}

/** Enough to read; one cause mostly shows many times. */
const ENOUGH = 5
/** A difference is one if it shows again in so many tries: a share of a tenth shows with near certainty. */
const TRIES = 40

export async function differential(options: DifferentialOptions): Promise<Report> {
  const driver = await startEnvoyDriver(options.binary, options.config)
  const run = new Run(driver)
  try {
    for (let done = 0; done < options.worlds && run.disagreements.length < ENOUGH; done++) {
      const seed = options.seed + done
      const world = made(worlds(options.config), seed, 1)[0]
      if (world === undefined) continue
      await run.compare(world, made(requests(world), seed, options.requests), seed)
      options.progress?.(done + 1, run.report())
    }
    return run.report()
  } finally {
    await driver.stop()
  }
}

/** Values of all sizes alike, and quite others for the next seed. */
function made<T>(of: fc.Arbitrary<T>, seed: number, numRuns: number): readonly T[] {
  return fc.sample(fc.noBias(of), { seed: Math.imul(seed, 0x9e3779b1), numRuns })
}

class Run {
  readonly disagreements: string[] = []
  readonly #driver: EnvoyDriver
  readonly #shares = new Shares()
  #worlds = 0
  #requests = 0
  #late = 0

  constructor(driver: EnvoyDriver) {
    this.#driver = driver
  }

  report(): Report {
    return {
      worlds: this.#worlds,
      requests: this.#requests,
      late: this.#late,
      disagreements: this.disagreements,
      shares: this.#shares.summary(),
    }
  }

  async compare(world: World, asked: readonly Request[], seed: number): Promise<void> {
    this.#worlds++
    const refused = await this.#enter(world)
    if (refused !== undefined) return await this.#refused(world, refused, seed)
    const mesh = meshOf(world)
    for (const [at, request] of asked.entries()) {
      const answer = oracle(world, request)
      const expected = visible(world, request)
      if (answer === undefined || expected === undefined) continue
      this.#requests++
      const said = answerText(askModel(mesh, request))
      const version = versionOf(request, at)
      const outcome = await this.#driver.ask(request, version)
      this.#shares.note(answer, request.call, outcome)
      if (said !== answerText(answer)) this.#note(world, request, seed, `The model says:\n${said}`)
      else if (!expected.has(outcome)) await this.#differs(world, request, version, seed, outcome)
      if (this.disagreements.length >= ENOUGH) return
    }
  }

  /** Why the proxies did not take the world over; undefined where they did. */
  async #enter(world: World): Promise<string | undefined> {
    try {
      await this.#driver.enter(world)
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  async #refused(world: World, why: string, seed: number): Promise<void> {
    const cut = await shrink(world, async smaller => (await this.#enter(smaller)) !== undefined)
    this.disagreements.push(`Seed ${seed}: ${why}\n${caseText(cut)}`)
  }

  async #differs(world: World, request: Request, version: Version, seed: number, outcome: Outcome): Promise<void> {
    if (!(await this.#stillDiffers(world, request, version))) {
      this.#late++
      return
    }
    const cut = await shrink(world, async smaller => {
      return (await this.#enter(smaller)) === undefined && (await this.#stillDiffers(smaller, request, version))
    })
    this.#note(cut, request, seed, `A real proxy, asked in HTTP/${version}, says: ${outcome}`)
    await this.#enter(world) // the next request is one of the whole world again
  }

  async #stillDiffers(world: World, request: Request, version: Version): Promise<boolean> {
    const expected = visible(world, request)
    if (expected === undefined) return false
    for (let tried = 0; tried < TRIES; tried++) {
      if (!expected.has(await this.#driver.ask(request, version))) return true
    }
    return false
  }

  #note(world: World, request: Request, seed: number, said: string): void {
    const text = answerText(oracle(world, request))
    this.disagreements.push(`Seed ${seed}. The SMI text says:\n${text}\n${said}\n${caseText(world, request)}`)
  }
}

type Version = '1.1' | '2'

/** Every fourth request that can be said in HTTP/2 is. */
function versionOf({ call }: Request, at: number): Version {
  return at % 4 === 3 && call.kind === 'http' && fitsHttp2(call) ? '2' : '1.1'
}

/** What a report comes to, in a line. */
export function reportText({ worlds, requests, late, disagreements, shares }: Report): string {
  const weights = `shares of ${shares.requests} split requests within ${shares.deviations.toFixed(1)} standard deviations`
  return `${worlds} worlds, ${requests} requests, ${disagreements.length} disagreements, ${late} late; ${weights}`
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      worlds: { type: 'string', default: '1000' },
      requests: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      'path-regex': { type: 'string', default: 'start' },
      'empty-backends': { type: 'string', default: 'skip' },
    },
  })
  const binary = envoyBinary(process.env['ENVOY'], process.env['PATH'] ?? '')
  if (binary === undefined) throw new Error('There is no Envoy on this machine: run `make setup`, or set ENVOY.')
  const report = await differential({
    binary,
    config: {
      ...DEFAULT_WORLD_CONFIG,
      pathRegex: values['path-regex'] === 'full' ? 'full' : 'start',
      emptyBackends: values['empty-backends'] === 'fail' ? 'fail' : 'skip',
    },
    worlds: Number(values.worlds),
    requests: Number(values.requests),
    seed: Number(values.seed),
    progress: (done, report) => {
      if (done % 100 === 0) console.error(reportText(report))
    },
  })
  for (const disagreement of report.disagreements) console.log(`${disagreement}\n`)
  console.log(reportText(report))
  process.exitCode = report.disagreements.length === 0 ? 0 : 1
}

if (import.meta.main) await main()

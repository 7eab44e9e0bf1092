/**
 * Runs the conformance suite and writes its reports.
 *
 *     node conformance/src/run.ts                       every case, asked of the model
 *     node conformance/src/run.ts --driver envoy        … of real Envoys on this machine
 *     node conformance/src/run.ts --driver cluster --mesh conformance/meshes/smi-mesh.yaml
 *     node conformance/src/run.ts --driver cluster --mesh conformance/meshes/none.yaml --red
 *                                                       … where no mesh is: ends with 0 where every case fails that takes one
 *     node conformance/src/run.ts faults                which cases catch which seeded fault (--driver model, envoy or cluster)
 *     node conformance/src/run.ts coverage              writes spec/coverage.md
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCases } from './case/read.ts'
import type { Case } from './case.ts'
import { coverageText, gaps } from './coverage.ts'
import { clusterDriver, faultyClusterDriver } from './drivers/cluster/driver.ts'
import { readMesh } from './drivers/cluster/mesh.ts'
import { type EnvoySuiteDriver, envoySuiteDriver } from './drivers/suite-envoy.ts'
import { modelDriver } from './drivers/suite-model.ts'
import { caughtText, caughtTotal, type FaultRun, faultsInCluster, faultsInEnvoy, faultsInModel } from './fault-run.ts'
import { envoyBinary } from './harness/envoy.ts'
import { json, junit, markdown, totals, totalsText } from './report.ts'
import { readSpec } from './spec.ts'
import type { Driver } from './suite/driver.ts'
import { greens, listedIn, surprises } from './suite/known-failing.ts'
import type { CaseResult } from './suite/run-case.ts'
import { runSuite } from './suite.ts'

const FOLDER = join(import.meta.dirname, '..')

const OPTIONS = {
  driver: { type: 'string', default: 'model' },
  cases: { type: 'string', default: '' },
  'known-failing': { type: 'string', default: join(FOLDER, 'known-failing.txt') },
  report: { type: 'string' },
  mesh: { type: 'string', default: join(FOLDER, 'meshes/smi-mesh.yaml') },
  kubeconfig: { type: 'string' },
  red: { type: 'boolean', default: false },
} as const

type Options = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true })
  const cases = readCases(join(FOLDER, 'cases')).filter(({ id }) => id.startsWith(values.cases))
  switch (positionals[0] ?? 'run') {
    case 'run':
      return await run(cases, values)
    case 'faults':
      return await faults(cases, values)
    case 'coverage':
      return coverage(cases)
    default:
      throw new Error(`There is no command ${positionals[0]}: write run, faults or coverage.`)
  }
}

async function run(all: readonly Case[], options: Options): Promise<void> {
  const driver = await driverOf(options)
  const cases = options.red ? all.filter(takesMesh()) : all
  const progress = ({ case: one, verdict }: CaseResult) => {
    if (verdict.kind === 'failed' && !options.red) console.error(`${one.id}: ${verdict.why}`)
    else if (process.stderr.isTTY) console.error(one.id)
  }
  const result = await runSuite(driver, cases, { now: () => performance.now(), progress }).finally(() => driver.stop())
  const spec = readSpec(join(FOLDER, 'spec'))
  if (options.report !== undefined) {
    report(options.report, `${driver.name}.md`, markdown(result, spec))
    report(options.report, `${driver.name}.xml`, junit(result))
    report(options.report, `${driver.name}.json`, json(result))
  } else console.log(markdown(result, spec))
  const found = options.red ? greens(result.results) : surprises(result.results, knownFailing(options))
  for (const line of found) console.error(line)
  console.error(totalsText(result))
  process.exitCode = found.length === 0 && totals(result).failed + totals(result).passed > 0 ? 0 : 1
}

function knownFailing({ cases, 'known-failing': file }: Options): ReadonlySet<string> {
  return new Set([...listedIn(readFileSync(file, 'utf8'))].filter(id => id.startsWith(cases)))
}

/** Cases that mean something where no mesh is. */
function takesMesh(): (one: Case) => boolean {
  const without = listedIn(readFileSync(join(FOLDER, 'passes-without-mesh.txt'), 'utf8'))
  return ({ id }) => !without.has(id.split('@')[0] ?? id)
}

function report(folder: string, name: string, text: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), text)
}

async function driverOf(options: Options): Promise<Driver> {
  switch (options.driver) {
    case 'model':
      return modelDriver()
    case 'envoy':
      return realProxies()
    case 'cluster':
      return await clusterDriver(readMesh(options.mesh), environment(options))
    default:
      throw new Error(`There is no driver ${options.driver}: write model, envoy or cluster.`)
  }
}

/** For kubectl. */
function environment({ kubeconfig }: Options): NodeJS.ProcessEnv {
  return kubeconfig === undefined ? process.env : { ...process.env, KUBECONFIG: kubeconfig }
}

function realProxies(): EnvoySuiteDriver {
  const binary = envoyBinary(process.env['ENVOY'], process.env['PATH'] ?? '')
  if (binary === undefined) throw new Error('There is no Envoy on this machine: run `make setup`, or set ENVOY.')
  return envoySuiteDriver(binary)
}

async function faults(cases: readonly Case[], options: Options): Promise<void> {
  const written = cases.filter(({ id }) => !id.includes('@'))
  const { caught, control } = await faultsOf(written, options)
  const text = caughtText(caught)
  if (options.report === undefined) console.log(text)
  else report(options.report, `faults-${options.driver}.md`, text)
  for (const one of control) console.error(`${one.id} fails without any fault, too: it catches nothing.`)
  console.error(caughtTotal(options.driver, caught))
  process.exitCode = control.length === 0 && caught.every(({ by }) => by.length > 0) ? 0 : 1
}

async function faultsOf(cases: readonly Case[], options: Options): Promise<FaultRun> {
  switch (options.driver) {
    case 'model':
      return { caught: await faultsInModel(cases), control: [] }
    case 'envoy':
      return { caught: await faultsInEnvoy(realProxies(), cases), control: [] }
    case 'cluster': {
      const driver = await faultyClusterDriver(readMesh(options.mesh), environment(options))
      return await faultsInCluster(driver, cases).finally(() => driver.stop())
    }
    default:
      throw new Error(`There is no driver ${options.driver}: write model, envoy or cluster.`)
  }
}

function coverage(cases: readonly Case[]): void {
  const spec = readSpec(join(FOLDER, 'spec'))
  writeFileSync(join(FOLDER, 'spec/coverage.md'), coverageText(spec, cases))
  const found = gaps(spec, cases)
  for (const gap of found) console.error(gap)
  process.exitCode = found.length === 0 ? 0 : 1
}

if (import.meta.main) await main()

/**
 * Runs the conformance suite and writes its reports.
 *
 *     node conformance/src/run.ts                       every case, asked of the model
 *     node conformance/src/run.ts --driver envoy        … of real Envoys on this machine
 *     node conformance/src/run.ts --driver cluster --mesh conformance/meshes/smi-mesh.yaml
 *     node conformance/src/run.ts faults                which cases catch which seeded fault (--driver model or envoy)
 *     node conformance/src/run.ts coverage              writes spec/coverage.md
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCases } from './case/read.ts'
import type { Case } from './case.ts'
import { coverageText, gaps } from './coverage.ts'
import { clusterDriver } from './drivers/cluster/driver.ts'
import { readMesh } from './drivers/cluster/mesh.ts'
import { type EnvoySuiteDriver, envoySuiteDriver } from './drivers/suite-envoy.ts'
import { modelDriver } from './drivers/suite-model.ts'
import { caughtText, faultsInEnvoy, faultsInModel } from './fault-run.ts'
import { envoyBinary } from './harness/envoy.ts'
import { json, junit, markdown, totalsText } from './report.ts'
import { readSpec } from './spec.ts'
import type { Driver } from './suite/driver.ts'
import { parseKnownFailing, surprises } from './suite/known-failing.ts'
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

async function run(cases: readonly Case[], options: Options): Promise<void> {
  const driver = await driverOf(options)
  const progress = ({ case: one, verdict }: CaseResult) => {
    if (verdict.kind === 'failed') console.error(`${one.id}: ${verdict.why}`)
    else if (process.stderr.isTTY) console.error(one.id)
  }
  const result = await runSuite(driver, cases, { now: () => performance.now(), progress })
  await driver.stop()
  if (options.report !== undefined) {
    mkdirSync(options.report, { recursive: true })
    writeFileSync(join(options.report, `${driver.name}.md`), markdown(result))
    writeFileSync(join(options.report, `${driver.name}.xml`), junit(result))
    writeFileSync(join(options.report, `${driver.name}.json`), json(result))
  } else console.log(markdown(result))
  const known = parseKnownFailing(readFileSync(options['known-failing'], 'utf8'))
  const those = new Set([...known].filter(id => id.startsWith(options.cases)))
  const found = surprises(result.results, those)
  for (const line of found) console.error(line)
  console.error(totalsText(result))
  process.exitCode = found.length === 0 ? 0 : 1
}

async function driverOf({ driver, mesh, kubeconfig }: Options): Promise<Driver> {
  switch (driver) {
    case 'model':
      return modelDriver()
    case 'envoy':
      return realProxies()
    case 'cluster':
      return await clusterDriver(
        readMesh(mesh),
        kubeconfig === undefined ? process.env : { ...process.env, KUBECONFIG: kubeconfig },
      )
    default:
      throw new Error(`There is no driver ${driver}: write model, envoy or cluster.`)
  }
}

function realProxies(): EnvoySuiteDriver {
  const binary = envoyBinary(process.env['ENVOY'], process.env['PATH'] ?? '')
  if (binary === undefined) throw new Error('There is no Envoy on this machine: run `make setup`, or set ENVOY.')
  return envoySuiteDriver(binary)
}

async function faults(cases: readonly Case[], { driver }: Options): Promise<void> {
  const written = cases.filter(({ id }) => !id.includes('@'))
  const caught = driver === 'envoy' ? await faultsInEnvoy(realProxies(), written) : await faultsInModel(written)
  console.log(caughtText(caught))
  process.exitCode = caught.every(({ by }) => by.length > 0) ? 0 : 1
}

function coverage(cases: readonly Case[]): void {
  const spec = readSpec(join(FOLDER, 'spec'))
  writeFileSync(join(FOLDER, 'spec/coverage.md'), coverageText(spec, cases))
  const found = gaps(spec, cases)
  for (const gap of found) console.error(gap)
  process.exitCode = found.length === 0 ? 0 : 1
}

if (import.meta.main) await main()

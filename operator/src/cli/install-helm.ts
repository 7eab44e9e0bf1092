/** Helm, as far as `smictl install` and `upgrade` use it: where it is, what it is told, and what it made of it. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { MeshError, systemCode } from '../mesh-error.ts'
import type { ClusterOptions } from './cluster-options.ts'
import type { World } from './world.ts'

export interface ChartOptions extends ClusterOptions {
  readonly values: readonly string[]
  readonly set: readonly string[]
}

/** The name of the release. */
export const RELEASE = 'smi-mesh'

/** What Helm is told: the words after its name. `more` are the user's own. */
export function helmWords(
  command: readonly string[],
  { kubeconfig, context, namespace, values, set }: ChartOptions,
  chart: string,
  more: readonly string[],
): readonly string[] {
  return [
    ...command,
    RELEASE,
    chart,
    ...['--namespace', namespace],
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--kube-context', context]),
    ...values.flatMap(file => ['--values', file]),
    ...set.flatMap(pair => ['--set', pair]),
    ...more,
  ]
}

const ENDED = `Helm was ended before it was done. \`helm status ${RELEASE}\`, asked in its namespace, says how far it came.`

/** What Helm complains of, and what to do where we know that. */
export function whyFailed(status: number | null, complained: string): string {
  const said = `Helm ended with ${status}: ${complained}`
  return complained.includes('cannot reuse a name') ? `${said}\nA mesh is installed already: smictl upgrade.` : said
}

/** The chart that belongs to this smictl. */
export function chartOf({ installation }: World): string {
  const chart = join(installation, '..', 'helm', RELEASE)
  if (existsSync(join(chart, 'Chart.yaml'))) return chart
  throw new MeshError(
    'ProgramMissing',
    `The chart is not at ${chart}, where it comes with smictl; take a whole checkout.`,
  )
}

/** Resolves with what Helm printed; rejects, with what it complained of, where it did not end well. */
export async function helm(world: World, words: readonly string[]): Promise<string> {
  const program = onPath(world, 'helm')
  if (program === undefined) {
    const message =
      'Helm is missing: install Helm 3.17 or later, which `smictl install` and `smictl upgrade` use. Nothing was changed.'
    throw new MeshError('ProgramMissing', message)
  }
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const child = spawn(program, words, { env: world.env, stdio: ['ignore', 'pipe', 'pipe'], signal: world.ended })
  let said = ''
  let complained = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complained += text
  })
  child.on('error', error => {
    // Told to end, it may take its time; it closes once it has.
    if (child.pid === undefined || !world.ended.aborted)
      reject(new MeshError('ProgramFailed', `Helm did not run: ${systemCode(error)}.`, { cause: error }))
  })
  child.on('close', status => {
    if (status === 0) resolve(said)
    else if (world.ended.aborted) reject(new MeshError('ProgramFailed', ENDED))
    else reject(new MeshError('ProgramFailed', whyFailed(status, complained.trim())))
  })
  return await promise
}

function onPath({ env }: World, name: string): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter).filter(Boolean)
  return folders.map(folder => join(folder, name)).find(path => existsSync(path))
}

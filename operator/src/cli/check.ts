/** `smictl check`: whether a cluster can have a mesh, and whether the one it has is well. */
import { Command } from 'commander'
import { meshError } from '../mesh-error.ts'
import type { Check, Stage } from './checks.ts'
import { type ClusterOptions, clusterChoice, withCluster } from './cluster-options.ts'
import { ExitCode } from './exit-code.ts'
import type { Looking, Outcome } from './look.ts'
import { duration, type OutputOptions, withOutput } from './options.ts'
import { print } from './output.ts'
import { pause } from './pause.ts'
import type { World } from './world.ts'

interface CheckOptions extends ClusterOptions, OutputOptions {
  readonly pre: boolean
  readonly proxies: boolean
  readonly wait?: number
}

/** A check and what came of it. */
export interface Checked {
  readonly stage: Stage
  readonly name: string
  readonly outcome: Outcome['kind']
  readonly message: string
  /** Where more is said: a heading of the documentation. */
  readonly page: string
}

const PAGE = 'docs/guides/operations.md'
const AGAIN_MS = 2_000

export function checkCommand(world: World): Command {
  const command = new Command('check')
    .summary('is the cluster fit, is the mesh well')
    .description(
      'Asks a cluster whether a mesh can be installed in it (--pre), or whether the one it has is well. Changes nothing. What is\n' +
        'not in order is said with what to do, and with the heading of docs/guides/operations.md that says more.',
    )
    .option('--pre', 'before an installation: is the cluster fit, and may you install', false)
    .option('--proxies', 'look at the pods of the mesh as well', false)
    .option('--wait <duration>', 'ask again for so long until nothing fails: 90s, 5m', duration)
  withOutput(withCluster(command))
  return command
    .addHelpText(
      'after',
      `
Examples:
  smictl check --pre
  smictl check --wait 5m
  smictl check --proxies -o json

Exit status: 0 nothing fails (there may be warnings), 1 something does, 2 not understood, 3 the API server was not reached.`,
    )
    .action(async (options: CheckOptions) => {
      const checked = await checkedCluster(world, options)
      world.write(print(options.output, checked, () => renderChecked(checked)))
      world.finish(exitCodeOf(checked))
    })
}

export type CheckChoice = Pick<CheckOptions, 'kubeconfig' | 'context' | 'namespace' | 'pre' | 'proxies' | 'wait'>

/** Rejects with a MeshError where there is no cluster to ask. */
export async function checkedCluster(world: World, choice: CheckChoice): Promise<readonly Checked[]> {
  // The client's library takes a second to load, which no other command should.
  const { connect, KubernetesClient, kubeconfigOf } = await import('../kubernetes/index.ts')
  const { CHECKS } = await import('./checks.ts')
  const stages = stagesOf(choice)
  const checks = CHECKS.filter(({ stage }) => stages.includes(stage))
  const api = new KubernetesClient(connect(kubeconfigOf(clusterChoice(choice))))
  const looking = { api, namespace: choice.namespace, clock: world.clock, signal: world.ended }
  try {
    const end = world.now() + (choice.wait ?? 0)
    for (;;) {
      const checked = await runChecks(checks, looking)
      if (world.now() + AGAIN_MS > end || !checked.some(({ outcome }) => outcome === 'failed')) return checked
      await pause(AGAIN_MS, world.ended)
    }
  } finally {
    api.close()
  }
}

function stagesOf({ pre, proxies }: CheckChoice): readonly Stage[] {
  if (pre) return ['cluster', 'before']
  return proxies ? ['cluster', 'mesh', 'proxies'] : ['cluster', 'mesh']
}

/** One after the other; where one on which others stand fails, those are left out. */
export async function runChecks(checks: readonly Check[], looking: Looking): Promise<readonly Checked[]> {
  const checked: Checked[] = []
  for (const { stage, name, anchor, isGround = false, look } of checks) {
    const outcome = await look(looking).catch((error: unknown): Outcome => {
      const known = meshError(error)
      if (known === undefined || looking.signal.aborted) throw error
      return { kind: 'failed', message: known.message }
    })
    const message = outcome.kind === 'fine' ? (outcome.note ?? '') : outcome.message
    checked.push({ stage, name, outcome: outcome.kind, message, page: `${PAGE}#${anchor}` })
    if (isGround && outcome.kind === 'failed') break
  }
  return checked
}

export function exitCodeOf(checked: readonly Checked[]): ExitCode {
  const failed = checked.filter(({ outcome }) => outcome === 'failed')
  if (failed.length === 0) return ExitCode.ok
  return checked[0] === failed[0] ? ExitCode.operational : ExitCode.found
}

const SIGNS = { fine: '✓', warning: '!', failed: '✗', skipped: '-' } as const

export function renderChecked(checked: readonly Checked[]): string {
  return checked
    .map(({ outcome, name, message, page }) => {
      const head = `${SIGNS[outcome]} ${name}`
      if (outcome === 'fine') return message === '' ? `${head}\n` : `${head} (${message})\n`
      const more = outcome === 'skipped' ? '' : `    see ${page}\n`
      return `${head}\n    ${message}\n${more}`
    })
    .join('')
}

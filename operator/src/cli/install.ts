/** `smictl install`: the chart that belongs to this smictl, by Helm, with a look at the cluster before and after. */
import { Command, Option } from 'commander'
import { checkedCluster, exitCodeOf, renderChecked } from './check.ts'
import { withCluster } from './cluster-options.ts'
import { ExitCode } from './exit-code.ts'
import { type ChartOptions, chartOf, helm, helmWords } from './install-helm.ts'
import { duration } from './options.ts'
import type { World } from './world.ts'

export interface InstallOptions extends ChartOptions {
  readonly print: boolean
  readonly wait: number
}

export function installCommand(world: World): Command {
  const command = new Command('install')
    .summary('install the mesh in a cluster')
    .description(
      'Looks whether the cluster is fit (`smictl check --pre`), installs the chart that came with this smictl by Helm, and waits until\n' +
        'the mesh is well (`smictl check`). Where something fails before, nothing is changed. What follows -- is for Helm.',
    )
    .argument('[helm-option...]', 'options for Helm, after --')
    .option(
      '--print',
      'print the manifests and change nothing: for kubectl apply --server-side, or a repository',
      false,
    )
  return withChart(withCluster(command))
    .addHelpText(
      'after',
      `
Examples:
  smictl install
  smictl install --set mesh.access=audit --set operator.replicas=3
  smictl install --values company.yaml -- --take-ownership
  smictl install --print

Exit status: 0 installed and well, 1 a check fails, 2 not understood, 3 no Helm, or Helm or the API server refused.`,
    )
    .action(async (more: readonly string[], options: InstallOptions) => {
      const chart = chartOf(world)
      if (options.print) {
        world.write(await helm(world, helmWords(['template'], options, chart, more)))
        return world.finish(ExitCode.ok)
      }
      const before = await checkedCluster(world, { ...without(options), pre: true, proxies: false })
      const unfit = exitCodeOf(before)
      if (unfit !== ExitCode.ok) {
        world.write(renderChecked(before))
        world.complain('Nothing was installed.\n')
        return world.finish(unfit)
      }
      world.write(renderChecked(before.filter(({ outcome }) => outcome === 'warning')))
      await helm(world, helmWords(['install', '--create-namespace'], options, chart, more))
      return world.finish(await waitedFor(world, options))
    })
}

/** Options that say which chart is installed with what. */
export function withChart(command: Command): Command {
  const several = (value: string, before: readonly string[]) => [...before, value]
  return command
    .addOption(
      new Option('-f, --values <file>', 'values for the chart (repeat for several)').argParser(several).default([]),
    )
    .addOption(
      new Option('--set <name=value>', 'a value for the chart (repeat for several)').argParser(several).default([]),
    )
    .addOption(
      new Option('--wait <duration>', 'how long to wait until the mesh is well')
        .argParser(duration)
        .default(300_000, '5m'),
    )
}

/** Until nothing fails any more, or time is up; then says how it is. */
export async function waitedFor(world: World, options: InstallOptions): Promise<ExitCode> {
  world.complain('Waiting until the mesh is well …\n')
  const checked = await checkedCluster(world, { ...options, pre: false, proxies: false })
  world.write(renderChecked(checked))
  const code = exitCodeOf(checked)
  if (code === ExitCode.ok)
    world.complain('Let a namespace join: kubectl label namespace NAME smi-mesh.dev/inject=enabled\n')
  return code
}

function without({ wait: _wait, ...options }: InstallOptions): Omit<InstallOptions, 'wait'> {
  return options
}

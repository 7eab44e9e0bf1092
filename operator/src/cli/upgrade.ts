/** `smictl upgrade`: an installed mesh becomes of the version of this smictl. Values of the installation are kept. */
import { Command } from 'commander'
import { withCluster } from './cluster-options.ts'
import { type InstallOptions, waitedFor, withChart } from './install.ts'
import { chartOf, helm, helmWords } from './install-helm.ts'
import type { World } from './world.ts'

export function upgradeCommand(world: World): Command {
  const command = new Command('upgrade')
    .summary('upgrade the mesh in a cluster')
    .description(
      'Brings an installed mesh to the version of this smictl by Helm, definitions of kinds included, and waits until it is well. Values\n' +
        'given at the installation are kept, and what the new chart adds comes with its defaults. What follows -- is for Helm.',
    )
    .argument('[helm-option...]', 'options for Helm, after --')
  return withChart(withCluster(command))
    .addHelpText(
      'after',
      `
Examples:
  smictl upgrade
  smictl upgrade --set mesh.access=enforce

Exit status: 0 upgraded and well, 1 a check fails, 2 not understood, 3 no Helm, or Helm or the API server refused.`,
    )
    .action(async (more: readonly string[], options: InstallOptions) => {
      // Not --reuse-values: a value that the old chart had not would be missing.
      await helm(world, helmWords(['upgrade', '--reset-then-reuse-values'], options, chartOf(world), more))
      world.finish(await waitedFor(world, options))
    })
}

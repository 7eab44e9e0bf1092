/** `smictl completion`: a script for the shell, made from the commands themselves. */
import { Argument, Command } from 'commander'
import { commandTree } from './command-tree.ts'
import { completionScript, SHELLS, type Shell } from './completion-script.ts'
import { ExitCode } from './exit-code.ts'
import type { World } from './world.ts'

export function completionCommand(world: World, program: Command): Command {
  return new Command('completion')
    .summary('completion for your shell')
    .description('Prints a script that completes commands, options and their values.')
    .addArgument(new Argument('<shell>', 'the shell to complete in').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  source <(smictl completion bash)
  source <(smictl completion zsh)
  smictl completion fish | source

Exit status: 0 printed, 2 not understood.`,
    )
    .action((shell: Shell) => {
      world.write(completionScript(shell, commandTree(program)))
      world.finish(ExitCode.ok)
    })
}

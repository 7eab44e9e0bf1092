/** `smictl`: the table of commands. */
import { Command } from 'commander'
import { canCommand } from './can.ts'
import { certificatesCommand } from './certificates.ts'
import { checkCommand } from './check.ts'
import { completionCommand } from './completion.ts'
import { convertCommand } from './convert.ts'
import { ExitCode } from './exit-code.ts'
import { explainCommand } from './explain.ts'
import { injectCommand } from './inject.ts'
import { installCommand } from './install.ts'
import { proxiesCommand } from './proxies.ts'
import { serveCommand } from './serve.ts'
import { translateCommand } from './translate.ts'
import { uninstallCommand } from './uninstall.ts'
import { upCommand } from './up.ts'
import { upgradeCommand } from './upgrade.ts'
import { validateCommand } from './validate.ts'
import type { World } from './world.ts'

export function smictl(world: World): Command {
  const program = new Command('smictl')
    .description('A service mesh from Service Mesh Interface objects: runs it, asks it, and explains what it does.')
    .version(`smictl ${world.version}`, '-V, --version', 'print the version')
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nExit status: 0 yes, 1 no or something was found, 2 not understood, 3 the work could not be done.',
    )
  program.addCommand(upCommand(world))
  program.addCommand(serveCommand(world))
  program.addCommand(canCommand(world))
  program.addCommand(translateCommand(world))
  program.addCommand(explainCommand(world))
  program.addCommand(validateCommand(world))
  program.addCommand(convertCommand(world))
  program.addCommand(injectCommand(world))
  program.addCommand(proxiesCommand(world))
  program.addCommand(certificatesCommand(world))
  program.addCommand(installCommand(world))
  program.addCommand(upgradeCommand(world))
  program.addCommand(uninstallCommand(world))
  program.addCommand(checkCommand(world))
  program.addCommand(versionCommand(world))
  program.addCommand(completionCommand(world, program))
  for (const command of [program, ...program.commands]) prepare(command, world)
  return program
}

/** Commander writes and exits through the world, so that a test can run any command. */
function prepare(command: Command, world: World): void {
  command.exitOverride()
  command.configureOutput({
    writeOut: world.write,
    writeErr: world.complain,
    getOutHelpWidth: () => world.terminal.columns,
    getErrHelpWidth: () => world.terminal.columns,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  })
}

function versionCommand(world: World): Command {
  return new Command('version')
    .summary('print the version')
    .description('Prints the version of smictl.')
    .action(() => {
      world.write(`smictl ${world.version}\n`)
      world.finish(ExitCode.ok)
    })
}

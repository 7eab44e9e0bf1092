/** Runs one command line and says what it comes to, whatever happens on the way. */
import { CommanderError } from 'commander'
import { MeshError } from '../mesh-error.ts'
import { ExitCode } from './exit-code.ts'
import { smictl } from './program.ts'
import type { World } from './world.ts'

/** Resolves with the exit status. Bugs of ours fly. */
export async function run(words: readonly string[], world: Omit<World, 'finish'>): Promise<ExitCode> {
  let code: ExitCode = ExitCode.ok
  const program = smictl({ ...world, finish: given => (code = given) })
  try {
    await program.parseAsync(words.length === 0 ? ['--help'] : words, { from: 'user' })
    return code
  } catch (error) {
    // Told to end before it had begun.
    if (world.ended.aborted && error === world.ended.reason) return ExitCode.ok
    if (error instanceof MeshError) {
      world.complain(`${error.message}\n`)
      return error.code === 'ConfigRefused' || error.code === 'AddressRefused' ? ExitCode.usage : ExitCode.operational
    }
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return ExitCode.ok
    // Commander has written what is wrong with options; what an action found wrong with its words is still unsaid.
    if (error.code === 'commander.invalidArgument' && !error.message.startsWith('error:'))
      world.complain(`error: ${error.message}\n`)
    return ExitCode.usage
  }
}

/** What a command says to the shell. Documented in docs/reference/cli.md. */

export const ExitCode = {
  /** Yes; all is well. */
  ok: 0,
  /** No; something was found: a problem in a file, a finding, a denial. */
  found: 1,
  /** The command was not understood. */
  usage: 2,
  /** The command could not do its work: no Envoy, an address in use, nobody who answers. */
  operational: 3,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** All that a command may touch. `main.ts` fills it from the process; tests fill it themselves. */
import type { ExitCode } from './exit-code.ts'

export interface World {
  /** Where results go. */
  readonly write: (text: string) => void
  /** Where everything that is no result goes: problems, progress. */
  readonly complain: (text: string) => void
  /** Whether a person looks at the results, and how wide their terminal is. */
  readonly terminal: { readonly isInteractive: boolean; readonly columns: number; readonly rows: number }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted when the command should end. */
  readonly ended: AbortSignal
  /** The folder smictl is installed in. */
  readonly installation: string
  /** The program that runs TypeScript: Node itself. */
  readonly node: string
  readonly temporary: string
  readonly pid: number
  readonly uid: number
  readonly version: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Milliseconds that never go backwards. */
  readonly now: () => number
  /** What the command answers to the shell. Told once. */
  readonly finish: (code: ExitCode) => void
}

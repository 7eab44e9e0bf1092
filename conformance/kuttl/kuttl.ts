/** Stock kuttl as a process: what it printed, and whether it ended well. */
import { execFile } from 'node:child_process'

export interface Ended {
  readonly isGood: boolean
  readonly printed: string
}

/** Resolves once kuttl has ended; rejects where it did not run, or not to its end. */
export function kuttl(words: readonly string[], place: { cwd: string; env: NodeJS.ProcessEnv }): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>()
  execFile('kubectl-kuttl', words, { ...place, maxBuffer: 64 * 2 ** 20 }, (error, said, complained) => {
    const printed = `${said}${complained}`
    if (error === null || typeof error.code === 'number') return resolve({ isGood: error === null, printed })
    const why = error.code ?? error.signal
    reject(new Error(`kubectl-kuttl did not run: ${why}. Put it on the search path.\n${printed}`, { cause: error }))
  })
  return promise
}

/** The timer of this process: for those who hand time to parts that do not look at it themselves. */
import type { SetTimer } from './identity/index.ts'

export const setTimer: SetTimer = (callback, ms) => {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}

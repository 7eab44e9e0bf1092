/** Who asks too much must not fill the log as well. */

const TELL_MS = 60_000

/** Tells once a minute at the most; `now`: milliseconds that never go backwards. */
export function seldom<T>(now: () => number, tell: (what: T) => void): (what: T) => void {
  let toldAt = -Infinity
  return what => {
    if (now() - toldAt < TELL_MS) return
    toldAt = now()
    tell(what)
  }
}

/**
 * Whether our clock says what the API server's does, by the time its answers bear. Leases are aged by clocks that only count, and
 * certificates are dated back, so minutes do no harm by themselves; whoever reads that a token or a certificate is "not valid
 * yet" wants to know of them all the same.
 */

export interface ClockDifferenceOptions {
  /** Wall clock. */
  readonly clock: () => number
  /** By how many milliseconds ours is ahead (behind, where negative); undefined once both agree again. */
  readonly onChange: (aheadMs: number | undefined) => void
}

const OFF_MS = 60_000
/** Nearer than this, they agree again: a difference at the limit is not told over and over. */
const AGREED_MS = 30_000

/** Gives what is to be told the `Date` of each answer. */
export function clockDifference({ clock, onChange }: ClockDifferenceOptions): (date: string | undefined) => void {
  let isOff = false
  return date => {
    const theirs = date === undefined ? Number.NaN : Date.parse(date)
    if (Number.isNaN(theirs)) return
    const aheadMs = clock() - theirs
    const was = isOff
    isOff = Math.abs(aheadMs) > (was ? AGREED_MS : OFF_MS)
    if (isOff !== was) onChange(isOff ? aheadMs : undefined)
  }
}

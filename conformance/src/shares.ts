/** Whether requests go to the backends of splits in the shares that the weights say, over many splits with few requests each. */
import { outcomes } from './oracle/visible.ts'
import type { Answer, Call, Outcome } from './world.ts'

/**
 * Of each request whose outcome tells which backend it went to, whether it was the first one is compared with that one's share.
 * The sum of the differences is nearly normal, so its distance from nought is told in standard deviations.
 */
export class Shares {
  #difference = 0
  #variance = 0
  #requests = 0

  note(answer: Answer, call: Call, outcome: Outcome): void {
    if (answer.kind !== 'routed') return
    const [first, ...others] = answer.backends.map(backend => outcomes({ kind: 'routed', backends: [backend] }, call))
    const share = answer.backends[0]?.share
    if (first === undefined || share === undefined || others.length === 0) return
    if (others.some(other => !other.isDisjointFrom(first))) return
    this.#difference += Number(first.has(outcome)) - share
    this.#variance += share * (1 - share)
    this.#requests++
  }

  summary(): { readonly deviations: number; readonly requests: number } {
    const deviations = this.#variance === 0 ? 0 : this.#difference / Math.sqrt(this.#variance)
    return { deviations, requests: this.#requests }
  }
}

/** Whether requests go to the backends of splits in the shares that the weights say, over many splits with few requests each. */
import { type Answer, nameText, type Outcome } from './world.ts'

/**
 * Of each request whose answer tells which backend it went to, whether it was the first one is compared with that one's share.
 * The sum of the differences is nearly normal, so its distance from nought is told in standard deviations.
 */
export class Shares {
  #difference = 0
  #variance = 0
  #requests = 0

  note(answer: Answer, outcome: Outcome): void {
    if (answer.kind !== 'routed' || answer.backends.length < 2) return
    const [first] = answer.backends
    const everyPod = answer.backends.flatMap(backend => backend.pods)
    const names = everyPod.map(({ pod }) => nameText(pod))
    const tells = new Set(names).size === names.length && everyPod.every(pod => pod.verdict === 'allows')
    if (first === undefined || !tells || answer.backends.some(backend => backend.pods.length === 0)) return
    const went = first.pods.some(({ pod }) => outcome === `pod ${nameText(pod)}`)
    this.#difference += Number(went) - first.share
    this.#variance += first.share * (1 - first.share)
    this.#requests++
  }

  summary(): { readonly deviations: number; readonly requests: number } {
    const deviations = this.#variance === 0 ? 0 : this.#difference / Math.sqrt(this.#variance)
    return { deviations, requests: this.#requests }
  }
}

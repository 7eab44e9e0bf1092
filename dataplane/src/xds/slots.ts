/**
 * Who holds how many of the places there are. Nobody can be kept out by others: where all places are taken, whoever holds the most
 * gives up the one it took first to one who holds fewer. Knows neither sockets nor TLS; takes the same time for any number.
 */

/** `taken`: where somebody had to give up a place for it, that one. */
export type Placed<P> = { readonly kind: 'taken'; readonly displaced?: P } | { readonly kind: 'refused' }

export class Slots<P> {
  readonly #most: number
  /** By holder, the oldest first. */
  readonly #held = new Map<string, Set<P>>()
  /** Holders by how many they hold. */
  readonly #byCount = new Map<number, Set<string>>()
  /** How many the greediest hold. */
  #greediest = 0
  #count = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Refused only to a holder that has as many as anybody else while there is none left. */
  take(holder: string, place: P): Placed<P> {
    if (this.#count < this.#most) {
      this.#add(holder, place)
      return { kind: 'taken' }
    }
    const [greedy] = this.#byCount.get(this.#greediest) ?? []
    const [oldest] = greedy === undefined ? [] : (this.#held.get(greedy) ?? [])
    if (greedy === undefined || oldest === undefined || this.#heldBy(holder) >= this.#greediest) {
      return { kind: 'refused' }
    }
    this.release(greedy, oldest)
    this.#add(holder, place)
    return { kind: 'taken', displaced: oldest }
  }

  /** What is not held is nothing to release. */
  release(holder: string, place: P): void {
    const places = this.#held.get(holder)
    if (places?.delete(place) !== true) return
    this.#count--
    if (places.size === 0) this.#held.delete(holder)
    this.#recount(holder, places.size + 1, places.size)
    if (!this.#byCount.has(this.#greediest)) this.#greediest--
  }

  /** Every place that is held. */
  all(): readonly P[] {
    return [...this.#held.values()].flatMap(places => [...places])
  }

  #add(holder: string, place: P): void {
    const places = this.#held.get(holder) ?? new Set()
    this.#held.set(holder, places.add(place))
    this.#count++
    this.#recount(holder, places.size - 1, places.size)
    this.#greediest = Math.max(this.#greediest, places.size)
  }

  #recount(holder: string, before: number, after: number): void {
    const those = this.#byCount.get(before)
    those?.delete(holder)
    if (those?.size === 0) this.#byCount.delete(before)
    if (after > 0) this.#byCount.set(after, (this.#byCount.get(after) ?? new Set()).add(holder))
  }

  #heldBy(holder: string): number {
    return this.#held.get(holder)?.size ?? 0
  }
}

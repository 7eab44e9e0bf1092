/**
 * Who holds how many of the places there are. Nobody can be kept out by others: where all places are taken, whoever holds the most
 * gives up the one it took first to one who holds fewer. Knows neither sockets nor TLS.
 */

/** `taken`: where somebody had to give up a place for it, that one. */
export type Placed<P> = { readonly kind: 'taken'; readonly displaced?: P } | { readonly kind: 'refused' }

export class Slots<P> {
  readonly #most: number
  /** By holder, the oldest first. */
  readonly #held = new Map<string, Set<P>>()
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
    const [greediest, [oldest] = []] = this.#greediest()
    if (greediest === undefined || oldest === undefined || this.#heldBy(holder) >= this.#heldBy(greediest)) {
      return { kind: 'refused' }
    }
    this.release(greediest, oldest)
    this.#add(holder, place)
    return { kind: 'taken', displaced: oldest }
  }

  /** What is not held is nothing to release. */
  release(holder: string, place: P): void {
    const places = this.#held.get(holder)
    if (places?.delete(place) !== true) return
    this.#count--
    if (places.size === 0) this.#held.delete(holder)
  }

  /** Every place that is held. */
  all(): readonly P[] {
    return [...this.#held.values()].flatMap(places => [...places])
  }

  #add(holder: string, place: P): void {
    const places = this.#held.get(holder) ?? new Set()
    this.#held.set(holder, places.add(place))
    this.#count++
  }

  #heldBy(holder: string): number {
    return this.#held.get(holder)?.size ?? 0
  }

  /** There are never more holders than places. */
  #greediest(): readonly [string, ReadonlySet<P>] | readonly [] {
    let most: readonly [string, ReadonlySet<P>] | readonly [] = []
    for (const each of this.#held) if (each[1].size > (most[1]?.size ?? 0)) most = each
    return most
  }
}

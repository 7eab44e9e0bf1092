/** What is due when, soonest first: a binary heap, so that looking is free and every change costs O(log n). */

interface Item<K> {
  readonly key: K
  readonly at: number
}

export class DueQueue<K> {
  readonly #heap: Item<K>[] = []
  readonly #current = new Map<K, Item<K>>()

  get size(): number {
    return this.#current.size
  }

  /** Sets when a key is due, whenever it was before. */
  set(key: K, at: number): void {
    const item = { key, at }
    this.#current.set(key, item)
    this.#heap.push(item)
    this.#rise(this.#heap.length - 1)
    if (this.#heap.length > 2 * this.#current.size + 16) this.#compact()
  }

  delete(key: K): void {
    this.#current.delete(key)
  }

  /** When the soonest is due; undefined where nothing is. */
  next(): number | undefined {
    this.#skipStale()
    return this.#heap[0]?.at
  }

  /** Takes the soonest key that is due. */
  take(now: number): K | undefined {
    const at = this.next()
    if (at === undefined || at > now) return undefined
    const item = this.#pop()
    if (item !== undefined) this.#current.delete(item.key)
    return item?.key
  }

  #skipStale(): void {
    for (let top = this.#heap[0]; top !== undefined && this.#current.get(top.key) !== top; top = this.#heap[0])
      this.#pop()
  }

  #pop(): Item<K> | undefined {
    const top = this.#heap[0]
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last
      this.#sink(0)
    }
    return top
  }

  #rise(from: number): void {
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >> 1
      if (this.#atOf(parent) <= this.#atOf(i)) return
      this.#swap(i, parent)
      i = parent
    }
  }

  #sink(from: number): void {
    for (let i = from; ; ) {
      const left = 2 * i + 1
      const smaller = this.#atOf(left + 1) < this.#atOf(left) ? left + 1 : left
      if (this.#atOf(i) <= this.#atOf(smaller)) return
      this.#swap(i, smaller)
      i = smaller
    }
  }

  #atOf(i: number): number {
    return this.#heap[i]?.at ?? Number.POSITIVE_INFINITY
  }

  #swap(i: number, j: number): void {
    const a = this.#heap[i]
    const b = this.#heap[j]
    if (a === undefined || b === undefined) return
    this.#heap[i] = b
    this.#heap[j] = a
  }

  /** Forgets what was set again since. Sorted is one way of being a heap. */
  #compact(): void {
    const live = [...this.#current.values()].sort((a, b) => a.at - b.at)
    this.#heap.splice(0, this.#heap.length, ...live)
  }
}

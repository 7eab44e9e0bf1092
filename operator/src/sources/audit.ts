/** Whether what a watch has told is what a list shows: compared at the same moment of both, and nobody has to stop for it. */
import type { Reflected } from './reflected.ts'

type State =
  | { readonly kind: 'none' }
  /** Being listed; objects that change meanwhile cannot be compared. */
  | { readonly kind: 'listing'; readonly touched: Set<string> }
  /** Waits until the watch has come as far as the list. */
  | {
      readonly kind: 'waiting'
      readonly touched: Set<string>
      readonly listed: ReadonlyMap<string, string>
      readonly resourceVersion: string
    }

export interface Verdict {
  readonly objects: number
  readonly differences: number
}

export class Audit {
  #state: State = { kind: 'none' }

  /** To be called before the list is asked for. */
  begin(): void {
    this.#state = { kind: 'listing', touched: new Set() }
  }

  /** An object changed. */
  touch(key: string): void {
    if (this.#state.kind !== 'none') this.#state.touched.add(key)
  }

  /** The versions of all objects, by key, and of the list itself. */
  listed(listed: ReadonlyMap<string, string>, resourceVersion: string): void {
    if (this.#state.kind !== 'listing') return
    this.#state = { kind: 'waiting', touched: this.#state.touched, listed, resourceVersion }
  }

  /** Whatever is known was listed anew. */
  drop(): void {
    this.#state = { kind: 'none' }
  }

  /** Once, when the watch, now at this version, has come as far as the list. */
  verdict(version: string | undefined, reflected: Reflected): Verdict | undefined {
    const state = this.#state
    if (state.kind !== 'waiting' || version === undefined || !isAsNew(version, state.resourceVersion)) return undefined
    this.#state = { kind: 'none' }
    return { objects: state.listed.size, differences: reflected.differences(state.listed, state.touched) }
  }
}

/** Versions are numbers that grow, of a length that may grow too. Of others nothing can be said. */
function isAsNew(version: string, wanted: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(wanted)) return false
  return version.length === wanted.length ? version >= wanted : version.length > wanted.length
}

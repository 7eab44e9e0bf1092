/**
 * Where each object is written. Kept apart from facts, so that an object that moves, as all do below a line that is inserted,
 * is computed from nothing anew.
 */
import { type ObjectRef, refText } from '@smi-mesh/dataplane/mesh'
import type { Moved, SourceChange } from './source.ts'

export class Origins {
  readonly #origins = new Map<string, string>()

  change(batch: readonly SourceChange[]): void {
    for (const { ref, object, origin } of batch) {
      if (object === undefined) this.#origins.delete(refText(ref))
      else this.#origins.set(refText(ref), origin)
    }
  }

  move(objects: readonly Moved[]): void {
    for (const { ref, origin } of objects) this.#origins.set(refText(ref), origin)
  }

  /** `file:line`, or what else the source says; undefined of what is in no source. */
  of(ref: ObjectRef): string | undefined {
    return this.#origins.get(refText(ref))
  }
}

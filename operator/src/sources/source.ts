/** Where objects come from, whatever that is: an API server, a folder of files. Knows nothing of what the objects mean. */
import type { ObjectRef } from '@smi-mesh/dataplane/mesh'

/** One object that appeared or changed; undefined where it is gone. */
export interface SourceChange {
  readonly ref: ObjectRef
  readonly object: unknown | undefined
  /** Where a person would edit it: `shop.yaml:12`, or the API server. Of a deleted object: where it was last. */
  readonly origin: string
}

/** An object that is as it was, and stands elsewhere now. */
export type Moved = Pick<SourceChange, 'ref' | 'origin'>

/** Why something could not be read, as a sentence that says what to do. */
export interface SourceProblem {
  readonly file: string
  /** `line 12, column 3` or `line 12, metadata.name`; empty where the whole file is meant. */
  readonly where: string
  readonly message: string
}

/** What follows a source. None of these may throw. */
export interface SourceObserver {
  /** Applied together: an object that moved between files in one batch is changed, never deleted. */
  changes(batch: readonly SourceChange[]): void
  /** Nothing about these is to be computed anew; only where they are found is. */
  moved(objects: readonly Moved[]): void
  /** All problems there are now; an empty list means that all is well again. */
  problems(current: readonly SourceProblem[]): void
  /** The first complete state has been handed over. Said once. */
  synced(): void
}

/** Follows objects. An empty or failed look never means that all is gone. */
export interface Source {
  /** Resolves once following; the first state may come before or after. */
  start(on: SourceObserver): Promise<void>
  /** After this resolves, nothing more is said. */
  stop(): Promise<void>
}

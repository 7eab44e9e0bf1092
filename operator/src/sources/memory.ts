/** Objects handed over by a program: for tests, benchmarks, and callers that have them already. */
import { identify } from './identify.ts'
import type { Source, SourceChange, SourceObserver } from './source.ts'

export class MemorySource implements Source {
  readonly #first: readonly unknown[]
  #observer: SourceObserver | undefined

  constructor(objects: readonly unknown[]) {
    this.#first = objects
  }

  async start(on: SourceObserver): Promise<void> {
    this.#observer = on
    on.changes(this.#first.map(object => changeOf(object, 'put')))
    on.synced()
  }

  async stop(): Promise<void> {
    this.#observer = undefined
  }

  /** Objects that appeared or changed, as one batch. */
  put(...objects: readonly unknown[]): void {
    this.#observer?.changes(objects.map(object => changeOf(object, 'put')))
  }

  /** Objects that are gone, as one batch. */
  remove(...objects: readonly unknown[]): void {
    this.#observer?.changes(objects.map(object => changeOf(object, 'remove')))
  }
}

function changeOf(object: unknown, what: 'put' | 'remove'): SourceChange {
  const found = identify(object)
  if (found.kind === 'unidentified') throw new TypeError(found.message)
  return { ref: found.ref, object: what === 'put' ? found.object : undefined, origin: 'memory' }
}

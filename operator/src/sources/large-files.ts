/**
 * Files whose parsing would be noticed by everybody else: which of them are being parsed, and what came of it. The newest
 * contents win: whatever is known of older ones, or under way, is dropped.
 */
import { type ParsingLimits, type ParsingOutcome, ParsingThread } from './parsing-thread.ts'
import { type ReadFile, type ReadLimits, readBytes } from './read-file.ts'
import type { Stamp } from './scan.ts'

export interface LargeFilesOptions extends ParsingLimits, ReadLimits {
  readonly now: () => number
  readonly parsingProgram?: URL
}

/** `parsing`: not known yet; `failed`: it could not be parsed this time, which says nothing about the file. */
export type LargeFile = ReadFile | { readonly kind: 'parsing' } | Extract<ParsingOutcome, { readonly kind: 'failed' }>

interface Entry {
  readonly stamp: string
  state: LargeFile
  cancel: () => void
  /** Times it failed in a row, and when it is tried again. */
  failures: number
  retryAt: number
}

const FIRST_RETRY_MS = 5_000
const LONGEST_RETRY_MS = 300_000

export class LargeFiles {
  readonly #options: LargeFilesOptions
  readonly #thread: ParsingThread
  readonly #parsed: () => void
  readonly #entries = new Map<string, Entry>()

  /** `parsed` is called whenever something is known that was not. */
  constructor(options: LargeFilesOptions, parsed: () => void) {
    this.#options = options
    this.#thread = new ParsingThread(options, options.parsingProgram)
    this.#parsed = parsed
  }

  /** Whether anything is not known yet that will be. */
  get isParsing(): boolean {
    for (const { state } of this.#entries.values()) if (state.kind === 'parsing') return true
    return false
  }

  /** What a file holds. Where it was written to (`isTouched`), nothing that is known counts, whatever the stamp says. */
  read(file: string, stamp: Stamp, isTouched: boolean): LargeFile {
    const known = this.#entries.get(file)
    const isSame = known !== undefined && known.stamp === stamp.text && !isTouched
    if (isSame && (known.state.kind !== 'failed' || this.#options.now() < known.retryAt)) return known.state
    this.forget(file)
    return this.#begin(file, stamp, isSame ? known.failures : 0)
  }

  /** It was taken, is gone, or is large no more. */
  forget(file: string): void {
    this.#entries.get(file)?.cancel()
    this.#entries.delete(file)
  }

  files(): readonly string[] {
    return [...this.#entries.keys()]
  }

  async stop(): Promise<void> {
    this.#entries.clear()
    await this.#thread.stop()
  }

  #begin(file: string, stamp: Stamp, failures: number): LargeFile {
    const read = readBytes(file, stamp.size, this.#options)
    if (read.kind !== 'bytes') return read
    const entry: Entry = { stamp: stamp.text, state: { kind: 'parsing' }, cancel: () => {}, failures, retryAt: 0 }
    this.#entries.set(file, entry)
    entry.cancel = this.#thread.parse(file, read.bytes, outcome => this.#end(entry, outcome))
    return entry.state
  }

  #end(entry: Entry, outcome: ParsingOutcome): void {
    entry.cancel = () => {}
    entry.state = outcome
    if (outcome.kind === 'failed') {
      entry.retryAt = this.#options.now() + Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** entry.failures)
      entry.failures++
    }
    this.#parsed()
  }
}

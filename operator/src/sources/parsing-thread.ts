/**
 * Parses files on a thread of its own, so that whoever is served meanwhile is answered. Knows nothing of disks. A thread that
 * dies or takes too long costs the file it was at, and no other; the next file gets a new one.
 */
import { Worker } from 'node:worker_threads'
import type { ParsedFile } from './parse-file.ts'
import type { ParsingRequest } from './parse-worker.ts'

export interface ParsingLimits {
  /** How long one file may take. */
  readonly parsingMs: number
  /** How much memory parsing one file may take. */
  readonly parsingMegabytes: number
}

/** Ten megabytes take ten to twenty seconds and most of a gigabyte. */
export const DEFAULT_PARSING_LIMITS: ParsingLimits = { parsingMs: 120_000, parsingMegabytes: 1_536 }

/** `failed`: the file may be as good as any; the message says what became of the thread. */
export type ParsingOutcome = ParsedFile | { readonly kind: 'failed'; readonly message: string }

interface Job extends ParsingRequest {
  readonly done: (outcome: ParsingOutcome) => void
}

export class ParsingThread {
  readonly #limits: ParsingLimits
  readonly #program: URL
  readonly #waiting: Job[] = []
  #running: { readonly job: Job; readonly timer: NodeJS.Timeout } | undefined
  #worker: Worker | undefined
  readonly #ending = new Set<Promise<unknown>>()

  constructor(limits: ParsingLimits, program: URL = new URL('./parse-worker.ts', import.meta.url)) {
    this.#limits = limits
    this.#program = program
  }

  /** Takes the bytes over; calls back once, unless what it returns is called first. */
  parse(file: string, bytes: Uint8Array, done: (outcome: ParsingOutcome) => void): () => void {
    const job: Job = { file, bytes, done }
    this.#waiting.push(job)
    this.#next()
    return () => this.#cancel(job)
  }

  /** Nobody is called back any more. */
  async stop(): Promise<void> {
    this.#waiting.length = 0
    this.#leave()
    this.#end()
    await Promise.all(this.#ending)
  }

  #next(): void {
    if (this.#running !== undefined) return
    const job = this.#waiting.shift()
    // Parsing leaves much behind; what is not needed gives its memory back.
    if (job === undefined) {
      this.#end()
      return
    }
    const timer = setTimeout(() => this.#fail(tooSlow(this.#limits)), this.#limits.parsingMs)
    this.#running = { job, timer }
    this.#worker ??= this.#begin()
    // A part of a larger buffer cannot be handed over by itself.
    const bytes = Uint8Array.from(job.bytes)
    this.#worker.postMessage({ file: job.file, bytes }, [bytes.buffer])
  }

  #begin(): Worker {
    const worker = new Worker(this.#program, {
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.parsingMegabytes },
    })
    // One that was left behind has nothing to say any more.
    const ifCurrent = (act: () => void) => (this.#worker === worker ? act() : undefined)
    worker.on('message', (outcome: ParsedFile) => ifCurrent(() => this.#finish(outcome)))
    worker.on('error', error => ifCurrent(() => this.#fail(died(error, this.#limits))))
    worker.on('exit', () => ifCurrent(() => this.#fail(died(undefined, this.#limits))))
    return worker
  }

  #finish(outcome: ParsingOutcome): void {
    const job = this.#leave()
    job?.done(outcome)
    this.#next()
  }

  #fail(message: string): void {
    this.#end()
    this.#finish({ kind: 'failed', message })
  }

  #cancel(job: Job): void {
    const at = this.#waiting.indexOf(job)
    if (at >= 0) this.#waiting.splice(at, 1)
    if (this.#running?.job !== job) return
    this.#leave()
    this.#end()
    this.#next()
  }

  #leave(): Job | undefined {
    const running = this.#running
    clearTimeout(running?.timer)
    this.#running = undefined
    return running?.job
  }

  #end(): void {
    const worker = this.#worker
    this.#worker = undefined
    if (worker === undefined) return
    const ending = worker.terminate().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }
}

function tooSlow({ parsingMs }: ParsingLimits): string {
  return `Parsing it took longer than ${parsingMs / 1_000} s and was given up. Split it`
}

function died(error: unknown, { parsingMegabytes }: ParsingLimits): string {
  const isFull = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
  if (isFull) return `Parsing it took more than ${parsingMegabytes} MB of memory and was given up. Split it`
  const detail = error instanceof Error ? ` (${error.message})` : ''
  return `The thread that parsed it ended before it was done${detail}. Split it`
}

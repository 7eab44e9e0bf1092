/** `smictl` as a child process, as a user runs it, and a port that is the same after a restart. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const SMICTL = join(import.meta.dirname, '../bin/smictl')

export class SmictlProcess {
  readonly #child: ChildProcess
  #said = ''

  constructor(...words: readonly string[]) {
    this.#child = spawn(SMICTL, words, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (part: string) => {
        this.#said += part
      })
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get said(): string {
    return this.#said
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Resolves with its exit status; null where a signal ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (!this.isOver) this.#child.kill(signal)
    return this.over()
  }

  /** The same, once it has ended of itself. */
  async over(): Promise<number | null> {
    if (!this.isOver) await once(this.#child, 'exit')
    return this.#child.exitCode
  }

  /** What it wrote that matches, once it has. */
  async says(pattern: RegExp, withinMs = 30_000): Promise<RegExpExecArray> {
    let found: RegExpExecArray | null = null
    await until(
      `smictl says ${pattern}`,
      () => {
        found = pattern.exec(this.#said)
        if (found === null && this.isOver) throw new Error(`smictl ended. It said:\n${this.#said}`)
        return found !== null
      },
      withinMs,
    )
    if (found === null) throw new Error('Cannot be: the condition held.')
    return found
  }
}

/** Waits for a condition, and looks again every few milliseconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${what}.`)
    await pause(10)
  }
}

/** A port of loopback that nobody has at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('A TCP server has an address.')
  return address.port
}

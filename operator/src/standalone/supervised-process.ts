/** One program that is kept running: started again when it ends, ever later, until it is told to stop. Knows no pods. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

export interface ProgramStart {
  readonly command: readonly string[]
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
  /** Both outputs are appended here. */
  readonly logFile: string
}

/** How a program ended: `exit status 1`, `signal SIGKILL`, or why it could not be started. */
export interface Ending {
  readonly how: string
  readonly restartInMs: number
}

export interface ProcessEvents {
  started(pid: number): void
  /** It ended without being told to. */
  ended(ending: Ending): void
  /** A process that was started is no more, however it ended. */
  gone(pid: number): void
}

export interface Backoff {
  readonly firstMs: number
  readonly mostMs: number
  /** Having run this long, it counts as sound and starts over at `firstMs`. */
  readonly soundMs: number
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 100, mostMs: 10_000, soundMs: 10_000 }

/** A program in a process group of its own, so that all it starts ends with it and a terminal's Ctrl-C does not reach it. */
export class SupervisedProcess {
  readonly #start: ProgramStart
  readonly #events: ProcessEvents
  readonly #backoff: Backoff
  readonly #now: () => number
  #child: ChildProcess | undefined
  #restart: NodeJS.Timeout | undefined
  #nextMs: number
  #stopping = false

  constructor(start: ProgramStart, events: ProcessEvents, now: () => number, backoff: Backoff = DEFAULT_BACKOFF) {
    this.#start = start
    this.#events = events
    this.#now = now
    this.#backoff = backoff
    this.#nextMs = backoff.firstMs
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  start(): void {
    const [program = '', ...args] = this.#start.command
    const began = this.#now()
    const log = openSync(this.#start.logFile, 'a', 0o600)
    const { directory: cwd, env } = this.#start
    const child = spawn(program, args, { cwd, env: { ...env }, detached: true, stdio: ['ignore', log, log] })
    closeSync(log)
    this.#child = child
    const { pid } = child
    if (pid !== undefined) this.#events.started(pid)
    child.once('error', error => this.#ended(`it cannot be started: ${error.message}`, began))
    child.once('exit', (code, signal) => {
      if (pid !== undefined) {
        endGroup(pid, 'SIGKILL') // whatever it left behind in its group
        this.#events.gone(pid)
      }
      this.#ended(signal === null ? `exit status ${code ?? 0}` : `signal ${signal}`, began)
    })
  }

  /** Asks it to end, insists after `graceMs`, and resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restart)
    const child = this.#child
    if (child?.pid === undefined) return
    const { pid } = child
    const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
    if (child.exitCode !== null || child.signalCode !== null) return
    endGroup(pid, 'SIGTERM')
    const insist = setTimeout(() => endGroup(pid, 'SIGKILL'), graceMs)
    await gone
    clearTimeout(insist)
  }

  #ended(how: string, began: number): void {
    this.#child = undefined
    if (this.#stopping) return
    if (this.#now() - began >= this.#backoff.soundMs) this.#nextMs = this.#backoff.firstMs
    const restartInMs = this.#nextMs
    this.#nextMs = Math.min(this.#nextMs * 2, this.#backoff.mostMs)
    this.#restart = setTimeout(() => this.start(), restartInMs)
    this.#events.ended({ how, restartInMs })
  }
}

/** Signals a process and all of its group; says whether there was one. */
export function endGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal)
  } catch {
    return false // it is gone already, which is what was wanted
  }
}

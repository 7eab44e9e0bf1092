/** The operator as a process of its own: how soon it is ready, what it takes, what it counts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { XdsCounters } from '@smi-mesh/dataplane/xds'

export interface OperatorStart {
  /** As in its container: `operator --access=enforce …`. */
  readonly args: readonly string[]
  /** What the chart sets for the process itself: how it takes memory. */
  readonly environment: Readonly<Record<string, string>>
  readonly kubeconfig: string
  readonly name: string
}

/** The addresses that the chart leaves as they are, on the network of this process. */
const HEALTH = 'http://127.0.0.1:15014'
const ADMIN = 'http://127.0.0.1:15016'
const DEADLINE_MS = 120_000

export class OperatorProcess {
  readonly #child: ChildProcess
  readonly #began = performance.now()
  #log = ''

  constructor({ args, environment, kubeconfig, name }: OperatorStart) {
    const main = join(import.meta.dirname, '../../src/main.ts')
    const env = { ...process.env, ...environment, POD_NAME: name, POD_NAMESPACE: 'smi-mesh' }
    const words = [main, ...args, '--kubeconfig', kubeconfig]
    this.#child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'], env })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text
    })
  }

  get log(): string {
    return this.#log
  }

  /** Milliseconds from the start of the process until a probe would find it ready. */
  async ready(): Promise<number> {
    await this.until('it is ready', async () => (await fetch(`${HEALTH}/readyz`).catch(() => undefined))?.ok === true)
    return performance.now() - this.#began
  }

  async counters(): Promise<XdsCounters> {
    return JSON.parse(await textOf(`${ADMIN}/debug/counters`)) as XdsCounters
  }

  /** How far proxies are: connected, and those that do not have everything. */
  async streams(): Promise<{ readonly connected: number; readonly lagging: number }> {
    const values = await this.values()
    return { connected: values.get('smi_xds_streams') ?? 0, lagging: values.get('smi_xds_lagging_streams') ?? 0 }
  }

  /** Every series of its metrics, by name and labels as they are written. */
  async values(): Promise<ReadonlyMap<string, number>> {
    const text = await textOf(`${HEALTH}/metrics`)
    const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
    return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
  }

  /** Megabytes of memory it holds now, and has held at the most. */
  rss(): { readonly now: number; readonly most: number } {
    const text = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024
    return { now: of('VmRSS'), most: of('VmHWM') }
  }

  /** Seconds of processor time since it began. */
  cpu(): number {
    const text = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8')
    const [user = 0, system = 0] = text.slice(text.lastIndexOf(')')).split(' ').slice(12, 14).map(Number)
    return (user + system) / 100
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + DEADLINE_MS
    while (!(await holds())) {
      if (this.#child.exitCode !== null) throw new Error(`The operator has ended.\n${this.#log}`)
      if (performance.now() > end) throw new Error(`Not within ${DEADLINE_MS} ms: ${what}.\n${this.#log.slice(-4000)}`)
      await pause(10)
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
  }

  /** For the end of the process that measures, however it ends. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

/** A connection that was kept may be closed by the other side just now; whoever only reads may ask again. */
async function textOf(url: string): Promise<string> {
  const answer = await fetch(url).catch(() => fetch(url))
  return await answer.text()
}

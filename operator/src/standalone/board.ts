/** Reads the proxies' numbers now and then, and shows what they mean: a picture on a terminal, lines elsewhere. */
import { type Mesh, refText, spiffeId } from '@smi-mesh/dataplane/mesh'
import { askAdmin } from '@smi-mesh/dataplane/sidecar'
import type { LocalPod } from './local-pod.ts'
import { parsePrometheus } from './prometheus-text.ts'
import { type Frame, renderEdges, renderFrame, type SplitView } from './table.ts'
import {
  type EdgeTraffic,
  EMPTY_READING,
  type ProxyReading,
  type Reading,
  STATS_PREFIX,
  trafficBetween,
} from './traffic.ts'

export interface BoardOptions {
  readonly mesh: Mesh
  readonly pods: () => readonly LocalPod[]
  readonly complaints: () => readonly string[]
  readonly write: (text: string) => void
  /** A picture that is drawn over and over, or lines that stay. */
  readonly isInteractive: boolean
  /** Lines of the terminal. */
  readonly rows: number
  readonly now: () => number
}

const DRAW_MS = 1_000
const LINES_MS = 10_000
/** Numbers are of so many last looks: Envoy tells latencies every five seconds only, and twice that holds both. */
const WINDOW = 10
const CLEAR = '\x1b[H\x1b[J'
const MOST_LINES = 6

export class Board {
  readonly #options: BoardOptions
  readonly #readings: Reading[] = []
  readonly #lines: string[] = []
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #hasDrawn = false

  constructor(options: BoardOptions) {
    this.#options = options
  }

  start(): void {
    const everyMs = this.#options.isInteractive ? DRAW_MS : LINES_MS
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined
      })
    }, everyMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }

  /** A line for the person at the terminal. */
  say(line: string): void {
    if (this.#options.isInteractive)
      this.#lines.splice(0, this.#lines.length, ...[...this.#lines, line].slice(-MOST_LINES))
    else this.#options.write(`${line}\n`)
  }

  /** What went over the edges in the last seconds, as of the last look. */
  traffic(): readonly EdgeTraffic[] {
    const after = this.#readings.at(-1) ?? EMPTY_READING
    const before = this.#readings[0] ?? EMPTY_READING
    return this.#readings.length < 2 ? [] : trafficBetween(before, after)
  }

  async #look(): Promise<void> {
    this.#readings.push(await readProxies(this.#options.mesh, this.#options.pods(), this.#options.now))
    const kept = this.#options.isInteractive ? WINDOW + 1 : 2
    if (this.#readings.length > kept) this.#readings.shift()
    if (this.#timer === undefined) return
    if (this.#options.isInteractive) this.#draw()
    else for (const line of renderEdges(this.traffic())) this.#options.write(`${line}\n`)
  }

  #draw(): void {
    const { pods, mesh, complaints, write, rows } = this.#options
    const frame: Frame = {
      pods: pods().map(({ pod, state, subnet }) => ({ name: pod.key, state, address: `127.${subnet}.0.1` })),
      splits: splitsOf(mesh),
      edges: this.traffic(),
      complaints: complaints(),
    }
    // What stands on the terminal before the first picture stays above it.
    const room = this.#hasDrawn ? '' : '\n'.repeat(rows)
    this.#hasDrawn = true
    write(`${room}${CLEAR}${renderFrame(frame)}\n${this.#lines.map(line => `${line}\n`).join('')}`)
  }
}

/** The numbers of all proxies at one moment. A proxy that does not answer is left out. */
export async function readProxies(mesh: Mesh, pods: readonly LocalPod[], now: () => number): Promise<Reading> {
  const proxies = new Map<string, ProxyReading>()
  await Promise.all(
    pods.map(async ({ pod, adminSocket }) => {
      if (adminSocket === undefined) return
      const answer = await askAdmin(adminSocket, '/stats/prometheus?filter=smi')
      if (answer?.status !== 200) return
      const identity = spiffeId(mesh.config.trustDomain, {
        namespace: pod.namespace,
        serviceAccount: pod.spec.serviceAccount,
      })
      const owner = `${pod.namespace}/${pod.controller.name}`
      proxies.set(pod.key, { owner, identity, samples: parsePrometheus(answer.body, STATS_PREFIX) })
    }),
  )
  return { at: now(), proxies }
}

/** Every route that divides, of those that come from a TrafficSplit. */
export function splitsOf(mesh: Mesh): readonly SplitView[] {
  const views: SplitView[] = []
  for (const [apex, { routes }] of [...mesh.routes.entries()].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const { action, from } of routes) {
      const split = from.find(ref => ref.kind === 'TrafficSplit')
      if (split === undefined || action.kind !== 'forward') continue
      const total = action.backends.reduce((sum, { weight }) => sum + weight, 0)
      const backends = action.backends.map(({ backend, weight }) => ({ to: backend, share: weight / total }))
      views.push({ apex, name: refText(split), backends })
    }
  }
  return views
}

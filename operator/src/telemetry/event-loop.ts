/** How late the process runs what is due: the first sign of work that should have been sliced. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 10
const NS_PER_MS = 1e6

export class EventLoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

  start(): void {
    this.#histogram.enable()
  }

  stop(): void {
    this.#histogram.disable()
  }

  /** In milliseconds, since the last reading. What is measured is a timer, whose own interval is not a delay. */
  read(): { readonly p50: number; readonly p99: number; readonly max: number } {
    const late = (ns: number) => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS)
    const { max } = this.#histogram
    const delay = {
      p50: late(this.#histogram.percentile(50)),
      p99: late(this.#histogram.percentile(99)),
      max: late(max),
    }
    this.#histogram.reset()
    return delay
  }
}

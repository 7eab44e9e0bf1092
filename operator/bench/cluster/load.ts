/** A load at an even rate, whether or not what was asked before has been answered, and what its answers took. */
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { quantile } from '../statistics.ts'
import type { Told } from './ask.ts'

export interface Load {
  readonly perSecond: number
  readonly seconds: number
  readonly ask: (number: number) => Promise<Told>
}

export interface Latencies {
  readonly asked: number
  readonly failed: number
  readonly firstFailure: string
  readonly p50: number
  readonly p99: number
  readonly most: number
}

/** Where so many wait, the server does not keep up, and more would measure a queue of ours. */
const MOST_WAITING = 200

export async function load({ perSecond, seconds, ask }: Load): Promise<Latencies> {
  const times: number[] = []
  const failures: string[] = []
  const waiting = new Set<Promise<void>>()
  const began = performance.now()
  const all = perSecond * seconds
  for (let asked = 0; asked < all; asked++) {
    const early = began + (asked * 1000) / perSecond - performance.now()
    if (early > 1) await pause(early)
    if (waiting.size >= MOST_WAITING) {
      failures.push(`not asked: ${MOST_WAITING} wait for their answers`)
      continue
    }
    const one = ask(asked)
      .then(({ status, body, ms }) => {
        times.push(ms)
        if (status < 200 || status > 299) failures.push(`${status} ${body.slice(0, 300)}`)
      })
      .catch((error: unknown) => void failures.push(String(error)))
      .finally(() => waiting.delete(one))
    waiting.add(one)
  }
  await Promise.all(waiting)
  const most = quantile(times, 1)
  const [firstFailure = ''] = failures
  return {
    asked: all,
    failed: failures.length,
    firstFailure,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    most,
  }
}

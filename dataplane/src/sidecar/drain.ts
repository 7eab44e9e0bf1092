/**
 * The last seconds of a proxy. Callers are asked to go elsewhere while everything is still answered, and the proxy stays until
 * nothing is on its way any more; or until the time it was given is over.
 */
import type { AdminAnswer } from './admin.ts'
import { IN_FLIGHT_PATH, inFlightIn } from './in-flight.ts'

export interface DrainOptions {
  readonly ask: (path: string, method: 'GET' | 'POST') => Promise<AdminAnswer | undefined>
  readonly pause: (ms: number) => Promise<void>
  readonly now: () => number
  /** At least so long, because callers learn only by and by that this pod is going. */
  readonly minimumMs: number
  /** At most so long. */
  readonly maximumMs: number
}

export type Drained = 'quiet' | 'out-of-time' | 'gone'

/** `gone`: there is no proxy to drain. */
export async function drain({ ask, pause, now, minimumMs, maximumMs }: DrainOptions): Promise<Drained> {
  const began = now()
  const asked = await ask('/drain_listeners?inboundonly&graceful&skip_exit', 'POST')
  if (asked === undefined) return 'gone'
  while (now() - began < maximumMs) {
    await pause(Math.min(LOOK_MS, Math.max(0, began + maximumMs - now())))
    const answer = await ask(IN_FLIGHT_PATH, 'GET')
    if (answer === undefined) return 'gone'
    const active = answer.status === 200 ? inFlightIn(answer.body) : undefined
    if (active === 0 && now() - began >= minimumMs) return 'quiet'
  }
  return 'out-of-time'
}

const LOOK_MS = 200

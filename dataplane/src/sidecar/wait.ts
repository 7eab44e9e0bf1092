/** Holds an application back until its proxy answers, where the kubelet does not (clusters without native sidecars). */
import type { AdminAnswer } from './admin.ts'

export interface WaitOptions {
  readonly ask: (path: string, method: 'GET') => Promise<AdminAnswer | undefined>
  readonly pause: (ms: number) => Promise<void>
  readonly now: () => number
  readonly maximumMs: number
}

/** Whether it became ready in time. */
export async function waitUntilReady({ ask, pause, now, maximumMs }: WaitOptions): Promise<boolean> {
  const began = now()
  while (now() - began < maximumMs) {
    if ((await ask('/ready', 'GET'))?.status === 200) return true
    await pause(100)
  }
  return false
}

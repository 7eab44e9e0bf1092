/** Waiting for what is meant, with a deadline. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

/** Asks again until it holds; `holds` may answer with what is still in the way, which is said when time is up. */
export async function until(what: string, holds: () => Promise<boolean | string>, deadlineMs = 60_000): Promise<void> {
  const end = performance.now() + deadlineMs
  for (let found = await holds(); found !== true; found = await holds()) {
    assert.ok(performance.now() < end, `Not within ${deadlineMs} ms: ${what}. ${found}`)
    await pause(300)
  }
}

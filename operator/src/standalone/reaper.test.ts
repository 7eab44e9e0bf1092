import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startOf } from './process-start.ts'
import { Reaper } from './reaper.ts'
import { endGroup } from './supervised-process.ts'

const DEADLINE_MS = 5_000

/** A process group of a shell and its child, which both wait for ever. The child's id comes first. */
async function group(t: TestContext, script: string): Promise<{ leader: ChildProcess; pid: number; child: number }> {
  const leader = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  const pid = leader.pid ?? assert.fail('no shell')
  t.after(() => endGroup(pid, 'SIGKILL'))
  const [line] = await once(leader.stdout ?? assert.fail(), 'data')
  return { leader, pid, child: Number(line) }
}

const runs = (pid: number) => startOf(pid) !== undefined

async function gone(...pids: readonly number[]): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (pids.some(runs)) {
    if (performance.now() > deadline) assert.fail(`${pids.filter(runs).join(', ')} still run`)
    await sleep(20)
  }
}

/** What ended it. The kernel knows that a child has ended before Node does, and `signalCode` is what Node knows. */
async function signalOf(leader: ChildProcess): Promise<NodeJS.Signals | null> {
  const isKnown = leader.signalCode !== null || leader.exitCode !== null
  if (!isKnown) await once(leader, 'exit', { signal: AbortSignal.timeout(DEADLINE_MS) })
  return leader.signalCode
}

test('once the pipe is closed, every group it knows of ends, and no other', async t => {
  const known = await group(t, 'sleep 60 & echo $!; wait')
  const forgotten = await group(t, 'sleep 60 & echo $!; wait')
  const reaper = new Reaper()
  reaper.watch(forgotten.pid)
  reaper.watch(known.pid)
  reaper.forget(forgotten.pid)
  reaper.close()
  await gone(known.pid, known.child, reaper.pid ?? assert.fail())
  assert.equal(await signalOf(known.leader), 'SIGTERM')
  assert.ok(runs(forgotten.pid) && runs(forgotten.child))
})

test('what does not heed is killed', async t => {
  const deaf = await group(t, "trap '' TERM; sleep 60 & echo $!; wait")
  const reaper = new Reaper()
  reaper.watch(deaf.pid)
  reaper.close()
  await gone(deaf.pid, deaf.child)
  assert.equal(await signalOf(deaf.leader), 'SIGKILL')
})

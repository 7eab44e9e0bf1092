import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as turn } from 'node:timers/promises'
import { startOf } from './process-start.ts'
import { type Backoff, type Ending, SupervisedProcess } from './supervised-process.ts'

const FAST: Backoff = { firstMs: 1, mostMs: 4, soundMs: 60_000 }

/** A program with what it told, and a way to wait for the next thing it tells. */
function supervised(t: TestContext, command: readonly string[], backoff: Backoff = FAST) {
  const folder = mkdtempSync(join(tmpdir(), 'smi-process-'))
  const logFile = join(folder, 'log')
  const told = { started: [] as number[], gone: [] as number[], ended: [] as Ending[] }
  let tell: () => void = () => undefined
  const process = new SupervisedProcess(
    { command, directory: folder, env: { PATH: '/bin:/usr/bin', COLOUR: 'green' }, logFile },
    {
      started: pid => void told.started.push(pid),
      gone: pid => void told.gone.push(pid),
      ended: ending => {
        told.ended.push(ending)
        tell()
      },
    },
    () => performance.now(),
    backoff,
  )
  t.after(async () => {
    await process.stop(0)
    rmSync(folder, { recursive: true })
  })
  const endings = (count: number) =>
    new Promise<void>(resolve => {
      tell = () => told.ended.length >= count && resolve()
      tell()
    })
  const log = () => readFileSync(logFile, 'utf8')
  const says = async (text: string) => {
    const deadline = performance.now() + 5_000
    while (!log().includes(text)) {
      assert.ok(performance.now() < deadline, `it never said ${text}`)
      await turn(2)
    }
  }
  return { process, told, endings, log, says }
}

/** Resolves once a process runs no more, whether or not anyone has asked for its exit status. */
async function ended(pid: number): Promise<void> {
  const deadline = performance.now() + 5_000
  while (startOf(pid) !== undefined) {
    assert.ok(performance.now() < deadline, `${pid} still runs`)
    await turn(2)
  }
}

test('what ends is started again, ever later', async t => {
  const { process, told, endings } = supervised(t, ['sh', '-c', 'exit 3'])
  process.start()
  await endings(4)
  assert.deepEqual(
    told.ended.slice(0, 4).map(({ how, restartInMs }) => `${how} ${restartInMs}`),
    ['exit status 3 1', 'exit status 3 2', 'exit status 3 4', 'exit status 3 4'],
  )
  assert.ok(told.started.length >= 4)
})

test('a program that does not exist is told of, and tried again', async t => {
  const { process, told, endings } = supervised(t, ['no-such-program'])
  process.start()
  await endings(2)
  assert.match(told.ended[0]?.how ?? '', /^it cannot be started: .*no-such-program.*ENOENT/)
  assert.deepEqual(told.started, [])
})

test('a program has its own variables alone, and both its outputs are kept', async t => {
  const { process, endings, log } = supervised(t, ['sh', '-c', 'echo $COLOUR $HOME; echo to-stderr >&2'])
  process.start()
  await endings(1)
  assert.match(log(), /^green\nto-stderr\n/)
})

test('stopping ends it and what it has started, and it stays ended', async t => {
  const { process, told, says, log } = supervised(t, ['sh', '-c', 'sleep 60 & echo $! up; wait'])
  process.start()
  await says('up')
  const [pid = 0] = told.started
  await process.stop(5_000)
  assert.deepEqual([told.gone, told.ended], [[pid], []])
  await ended(Number.parseInt(log(), 10))
  assert.equal(process.pid, undefined)
})

test('what does not want to end is killed once its grace is over', async t => {
  const { process, told, says } = supervised(t, ['sh', '-c', "trap '' TERM; echo up; while :; do sleep 1; done"])
  process.start()
  await says('up')
  const asked = performance.now()
  await process.stop(50)
  assert.ok(performance.now() - asked >= 45)
  assert.equal(told.gone.length, 1)
})

test('stopping while it waits to be started again starts nothing', async t => {
  const { process, told, endings } = supervised(t, ['sh', '-c', 'exit 1'], { ...FAST, firstMs: 60_000, mostMs: 60_000 })
  process.start()
  await endings(1)
  await process.stop(0)
  assert.equal(told.started.length, 1)
})

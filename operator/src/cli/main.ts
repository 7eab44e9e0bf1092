/** The process behind `smictl`: the only place that looks at the environment, the clock and the terminal. */
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { preferClassicalKeyExchange } from '../key-exchange.ts'
import { ownVersion } from '../version.ts'
import { run } from './run.ts'

const installation = dirname(fileURLToPath(new URL('../../package.json', import.meta.url)))
const ended = new AbortController()

/** Signals that follow each other faster are one wish: timeout(1) sends its own twice, to the process and to its group. */
const ONE_WISH_MS = 500
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
let firstAt = Number.POSITIVE_INFINITY

for (const [signal, number] of Object.entries(SIGNALS)) {
  process.on(signal, () => {
    // Whoever asks again does not want to wait; children are ended by the reaper.
    if (performance.now() - firstAt > ONE_WISH_MS) process.exit(128 + number)
    firstAt = Math.min(firstAt, performance.now())
    ended.abort()
  })
}
// A reader that went away (`smictl … | head`, a closed terminal) is no error, and nobody is there to run anything for.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => ended.abort())

preferClassicalKeyExchange()
process.exitCode = await run(process.argv.slice(2), {
  write: text => process.stdout.write(text),
  complain: text => process.stderr.write(text),
  terminal: {
    isInteractive: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 120,
    rows: process.stdout.rows ?? 40,
  },
  env: process.env,
  ended: ended.signal,
  installation,
  node: process.execPath,
  temporary: tmpdir(),
  pid: process.pid,
  uid: process.getuid?.() ?? 0,
  version: ownVersion(),
  clock: Date.now,
  now: () => performance.now(),
})

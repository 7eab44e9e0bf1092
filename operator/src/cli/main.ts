/** The process behind `smictl`: the only place that looks at the environment, the clock and the terminal. */
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDocument } from '../sources/identify.ts'
import { run } from './run.ts'

const installation = dirname(fileURLToPath(new URL('../../package.json', import.meta.url)))
const description: unknown = JSON.parse(readFileSync(`${installation}/package.json`, 'utf8'))
const ended = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait; children are ended by the reaper.
    if (ended.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143)
    ended.abort()
  })
}
// A reader that went away (`smictl … | head`) is no error.
process.stdout.on('error', () => process.exit(0))

process.exitCode = await run(process.argv.slice(2), {
  write: text => process.stdout.write(text),
  complain: text => process.stderr.write(text),
  terminal: { isInteractive: process.stdout.isTTY === true, columns: process.stdout.columns ?? 120 },
  env: process.env,
  ended: ended.signal,
  installation,
  node: process.execPath,
  temporary: tmpdir(),
  pid: process.pid,
  uid: process.getuid?.() ?? 0,
  version: isDocument(description) ? String(description['version']) : '',
  clock: Date.now,
  now: () => performance.now(),
})

/**
 * Loaded into every process of `npm test`: a file whose tests are over has to end by itself. One that does not is told what keeps
 * it alive and is ended, so that no run hangs; `--test-force-exit` would hide it, and cut off what the file still has to report.
 */
import { after } from 'node:test'
import { isMainThread } from 'node:worker_threads'

const PATIENCE_MS = 15_000

if (isMainThread && process.env['NODE_TEST_CONTEXT'] !== undefined) {
  after(() => {
    setTimeout(() => {
      const kept = [...new Set(process.getActiveResourcesInfo())].filter(name => name !== 'PipeWrap')
      console.error(`Its tests are over, and it does not end: ${kept.join(', ')}. Close what the tests open.`)
      process.exit(1)
    }, PATIENCE_MS).unref()
  })
}

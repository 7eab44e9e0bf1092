import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

for (const program of ['smictl', 'smi-mesh']) {
  test(`${program} starts whatever the environment makes Node.js print`, async () => {
    const env = { ...process.env, FORCE_COLOR: '1' }
    const { stdout } = await run(join(import.meta.dirname, '../bin', program), ['--help'], { env })
    assert.match(stdout, new RegExp(`^Usage: ${program} `))
  })
}

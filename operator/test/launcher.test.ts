import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const BIN = join(import.meta.dirname, '../bin')

for (const program of ['smictl', 'smi-mesh']) {
  test(`${program} starts whatever the environment makes Node.js print`, async () => {
    const env = { ...process.env, FORCE_COLOR: '1' }
    const { stdout } = await run(join(BIN, program), ['--help'], { env })
    assert.match(stdout, new RegExp(`^Usage: ${program} `))
  })

  test(`${program} says which version it is`, async () => {
    const { stdout } = await run(join(BIN, program), ['--version'])
    assert.match(stdout, new RegExp(`^${program} \\d+\\.\\d+\\.\\d+`))
  })

  test(`${program} starts by a link from anywhere, whatever it is called`, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'smi mesh '))
    t.after(() => rmSync(folder, { recursive: true }))
    symlinkSync(join(BIN, program), join(folder, 'a b'))
    const { stdout } = await run(join(folder, 'a b'), ['--help'], { cwd: folder })
    assert.match(stdout, new RegExp(`^Usage: ${program} `))
  })
}

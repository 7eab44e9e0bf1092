import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LogTail } from './log-tail.ts'

test('every line comes once, whole, with the name of who wrote it', t => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-logs-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const lines: string[] = []
  const tail = new LogTail(folder, line => void lines.push(line))
  tail.look()
  appendFileSync(join(folder, 'shop_web-0.app.log'), 'one\nhal')
  tail.look()
  appendFileSync(join(folder, 'shop_web-0.app.log'), 'f\n')
  appendFileSync(join(folder, 'shop_web-0.envoy.log'), 'two\n')
  tail.look()
  tail.look()
  assert.deepEqual(lines, ['[shop_web-0.app] one', '[shop_web-0.app] half', '[shop_web-0.envoy] two'])
})

test('what a character of several bytes is cut into stays whole', t => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-logs-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const lines: string[] = []
  const tail = new LogTail(folder, line => void lines.push(line))
  const bytes = Buffer.from('ä€\n')
  for (const byte of bytes) {
    appendFileSync(join(folder, 'a.log'), Buffer.from([byte]))
    tail.look()
  }
  assert.deepEqual(lines, ['[a] ä€'])
})

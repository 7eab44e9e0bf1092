import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { PrivateKey } from '@smi-mesh/dataplane/mesh'
import { MeshError } from '../mesh-error.ts'
import { createLog, type Level, line, StateChanges } from './log.ts'

function logged(level: Level, use: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = []
  use(createLog({ level, now: () => 0, write: text => lines.push(text) }))
  return lines
}

test('an event is one line of key=value', () => {
  const lines = logged('info', log => log.info('settled', { revision: 812, ms: 1.80001, left: undefined }))
  assert.deepEqual(lines, ['time=1970-01-01T00:00:00.000Z level=info event=settled revision=812 ms=1.8\n'])
})

test('whatever a value holds, it stays on its line and cannot pretend to be another field', () => {
  const hostile = 'x level=error\nevent="forged" \u001b[31m \\ '
  const text = line({ a: hostile, b: { c: hostile }, 'bad key\n': 1 })
  assert.equal(text.split('\n').length, 2)
  assert.match(text, /^a=".*" b=".*" bad_key_=1\n$/)
  assert.ok(!text.includes('\u001b'))
})

test('what is below the level is not written', () => {
  const lines = logged('warn', log => {
    log.debug('a')
    log.info('b')
    log.warn('c')
    log.error('d')
  })
  assert.deepEqual(
    lines.map(text => /event=(\w)/.exec(text)?.[1]),
    ['c', 'd'],
  )
})

test('an error is told with its code and its causes', () => {
  const error = new MeshError('StateUnavailable', 'The disk is full.', { cause: new Error('ENOSPC') })
  assert.equal(line({ error }), 'error="StateUnavailable: The disk is full. (Error: ENOSPC)"\n')
})

test('a private key is not written, whatever it is wrapped in', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const secret = pem.split('\n')[1] ?? assert.fail()
  const key = new PrivateKey(pem)
  const wrapped: unknown[] = [key, pem, [key], { key }, { pem }, new Map([['key', key]]), privateKey, { privateKey }]
  for (const value of [
    ...wrapped,
    Buffer.from(pem),
    new Error(pem),
    new Error('outer', { cause: new Error(pem) }),
    `half ${pem.slice(0, 80)}`,
  ]) {
    const text = line({ value })
    assert.ok(!text.includes(secret.slice(0, 20)), text)
  }
})

test('a state is told once, when it begins', () => {
  const changes = new StateChanges()
  assert.deepEqual(
    ['up', 'down', 'down', 'up', 'up'].map(state => changes.entered('api', state)),
    [true, true, false, true, false],
  )
  assert.equal(changes.entered('other', 'up'), true)
})

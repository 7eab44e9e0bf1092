import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KubernetesClient } from './client.ts'
import { clockDifference } from './clock-difference.ts'
import { connect } from './connection.ts'
import { json, kubeConfigFor, scriptedServer } from './testdata/scripted-server.ts'

const MINUTE = 60_000

test('clocks that differ by minutes are told once, and once more when they agree again', () => {
  const told: (number | undefined)[] = []
  let now = 0
  const heard = clockDifference({ clock: () => now, onChange: aheadMs => told.push(aheadMs) })
  const date = new Date(0).toUTCString()
  for (const ahead of [0, MINUTE, 10 * MINUTE, 9 * MINUTE, MINUTE, 0, -10 * MINUTE, 0]) {
    now = ahead
    heard(date)
  }
  assert.deepEqual(told, [10 * MINUTE, undefined, -10 * MINUTE, undefined])
})

test('an answer without a date, or with one that is none, says nothing of clocks', () => {
  const told: unknown[] = []
  const heard = clockDifference({ clock: () => 10 * MINUTE, onChange: ahead => told.push(ahead) })
  heard(undefined)
  heard('tomorrow')
  assert.deepEqual(told, [])
})

test('the date of every answer of an API server is heard, that of a refusal too', async () => {
  const dates: (string | undefined)[] = []
  await using server = await scriptedServer(({ path }, response) => {
    response.setHeader('date', 'Thu, 01 Jan 1970 00:00:00 GMT')
    json(response, path === '/version' ? 200 : 500, {})
  })
  const client = new KubernetesClient(connect(kubeConfigFor(server.url), date => dates.push(date)))
  await client.version()
  await client.served('split.smi-spec.io').catch(() => undefined)
  client.close()
  assert.deepEqual(dates, ['Thu, 01 Jan 1970 00:00:00 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MeshError } from '../mesh-error.ts'
import { reportCluster } from './cluster-events.ts'
import { createLog } from './log.ts'
import { Metrics } from './metrics.ts'

function recorder() {
  const lines: string[] = []
  const metrics = new Metrics()
  const log = createLog({
    level: 'info',
    now: () => 0,
    write: text => lines.push(text.replace(/^time=\S+ /, '').trim()),
  })
  const told = async (series: string) => (await metrics.text()).body.split('\n').filter(line => line.startsWith(series))
  return { lines, told, report: reportCluster(log, metrics) }
}

const ERROR = new MeshError('ApiFailed', 'Not now.')

test('a broken watch is counted and is no line: the next attempt is under way', async () => {
  const { lines, told, report } = recorder()
  report.reflector('pods', { kind: 'broken', error: ERROR })
  assert.deepEqual(lines, [])
  assert.deepEqual(await told('smi_source_breaks_total'), ['smi_source_breaks_total{kind="pods"} 1'])
})

test('an audit without differences is counted and is no line; one with differences is both', async () => {
  const { lines, told, report } = recorder()
  report.reflector('pods', { kind: 'audited', objects: 5, differences: 0 })
  assert.deepEqual(lines, [])
  report.reflector('pods', { kind: 'audited', objects: 5, differences: 2 })
  assert.deepEqual(lines, ['level=error event="audit found differences" kind=pods differences=2'])
  assert.deepEqual(await told('smi_source_audit'), [
    'smi_source_audits_total{kind="pods"} 2',
    'smi_source_audit_differences_total{kind="pods"} 2',
  ])
})

test('leading begins and ends with a line, and a lease that cannot be kept is told once', () => {
  const { lines, report } = recorder()
  report.lease({ kind: 'acquired' })
  for (const first of [true, false, false]) report.lease({ kind: 'failed', first, error: ERROR })
  report.lease({ kind: 'lost', to: 'other' })
  assert.deepEqual(lines, [
    'level=info event=leading',
    'level=warn event="lease cannot be kept" error="ApiFailed: Not now."',
    'level=warn event="leading no more" to=other',
  ])
})

test('a status that cannot be written is told once for its object, and counted each time', async () => {
  const { lines, told, report } = recorder()
  const ref = { kind: 'TrafficSplit', namespace: 'shop', name: 'canary' }
  for (const first of [true, false]) report.status({ kind: 'failed', ref, first, error: ERROR })
  const update = { ref, apiVersion: 'split.smi-spec.io/v1alpha4', uid: 'u', conditions: [] }
  report.status({ kind: 'written', update, before: { uid: 'u', generation: 1, conditions: new Map() } })
  assert.deepEqual(lines, [
    'level=warn event="status not written" object="TrafficSplit shop/canary" error="ApiFailed: Not now."',
  ])
  assert.deepEqual(await told('smi_status_'), [
    'smi_status_writes_total 1',
    'smi_status_failures_total 2',
    'smi_status_pending 0',
  ])
})

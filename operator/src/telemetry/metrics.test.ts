import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { METRICS, metricsPage } from './catalogue.ts'
import { Metrics, type Readings } from './metrics.ts'

const PAGE = new URL('../../../docs/reference/metrics.md', import.meta.url)

function readings(more: Partial<Readings> = {}): Readings {
  return {
    findings: () => new Map(),
    proxies: () => ({ connected: 0, lagging: 0 }),
    certificateEnds: () => [],
    certificatesFailing: () => 0,
    roots: () => [],
    eventLoopDelay: () => ({ p50: 0, p99: 0, max: 0 }),
    now: () => 1_000_000,
    ...more,
  }
}

async function told(metrics: Metrics, series: string): Promise<string | undefined> {
  const { body } = await metrics.text()
  return body
    .split('\n')
    .find(text => text.startsWith(`${series} `))
    ?.slice(series.length + 1)
}

test('every metric is documented, and every documented one exists', () => {
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(PAGE, metricsPage())
  assert.equal(
    readFileSync(PAGE, 'utf8'),
    metricsPage(),
    'run: UPDATE_GOLDEN=1 node --test operator/src/telemetry/metrics.test.ts',
  )
})

test('every name says its stage, and its unit or that it is a total', async () => {
  const { body } = await new Metrics().text()
  for (const { name, kind } of METRICS) {
    assert.match(name, /^smi_(source|settle|compile|encode|xds|identity|leader|status|webhook|process)_[a-z_]+$/)
    assert.equal(name.endsWith('_total'), kind === 'counter', name)
    assert.equal(name.endsWith('_duration_seconds'), kind === 'histogram', name)
    assert.match(body, new RegExp(`^# TYPE ${name} ${kind}$`, 'm'))
  }
})

test('durations are told in seconds', async () => {
  const metrics = new Metrics()
  metrics.took('smi_xds_ack_duration_seconds', 3, { type: 'cluster' })
  assert.equal(await told(metrics, 'smi_xds_ack_duration_seconds_sum{type="cluster"}'), '0.003')
  assert.equal(await told(metrics, 'smi_xds_ack_duration_seconds_bucket{le="0.0025",type="cluster"}'), '0')
  assert.equal(await told(metrics, 'smi_xds_ack_duration_seconds_bucket{le="0.005",type="cluster"}'), '1')
})

test('counters add up', async () => {
  const metrics = new Metrics()
  metrics.add('smi_xds_pushes_total', { type: 'cluster' })
  metrics.add('smi_xds_pushes_total', { type: 'cluster' }, 2)
  assert.equal(await told(metrics, 'smi_xds_pushes_total{type="cluster"}'), '3')
})

test('a reason nobody has any more is no longer told', async () => {
  const metrics = new Metrics()
  const found = new Map([['PortNotFound', 2]])
  metrics.read(readings({ findings: () => found }))
  assert.equal(await told(metrics, 'smi_compile_findings{reason="PortNotFound"}'), '2')
  found.clear()
  assert.equal(await told(metrics, 'smi_compile_findings{reason="PortNotFound"}'), undefined)
})

test('the soonest certificate and every root are told by the time they have left', async () => {
  const metrics = new Metrics()
  const roots = [{ role: 'signing', notAfter: 1_060_000 }]
  metrics.read(readings({ certificateEnds: () => [1_030_000, 1_010_000], roots: () => roots }))
  assert.equal(await told(metrics, 'smi_identity_certificate_expiry_seconds'), '10')
  assert.equal(await told(metrics, 'smi_identity_root_expiry_seconds{role="signing"}'), '60')
  metrics.read(readings())
  assert.equal(await told(metrics, 'smi_identity_certificate_expiry_seconds'), 'Nan')
})

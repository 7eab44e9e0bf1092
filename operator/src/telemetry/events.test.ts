import assert from 'node:assert/strict'
import { test } from 'node:test'
import { podKey, spiffeId, TypeUrl, type WorkloadKey } from '@smi-mesh/dataplane/mesh'
import { MeshError } from '../mesh-error.ts'
import { reportIdentity } from './identity-events.ts'
import { createLog } from './log.ts'
import { Metrics } from './metrics.ts'
import { reportPipeline } from './pipeline-events.ts'

function recorder() {
  const lines: string[] = []
  const metrics = new Metrics()
  const log = createLog({
    level: 'info',
    now: () => 0,
    write: text => lines.push(text.replace(/^time=\S+ /, '').trim()),
  })
  const told = async (series: string) => {
    const { body } = await metrics.text()
    return body
      .split('\n')
      .find(text => text.startsWith(`${series} `))
      ?.slice(series.length + 1)
  }
  return { lines, metrics, log, told }
}

const IDENTITY = spiffeId('mesh.test', { namespace: 'shop', serviceAccount: 'web' })

test('a failure is counted every time and logged once', async () => {
  const { lines, metrics, log, told } = recorder()
  const report = reportIdentity(log, metrics)
  const error = new MeshError('SigningPaused', 'Not now.')
  for (const first of [true, false, false]) report({ kind: 'issueFailed', identity: IDENTITY, first, error })
  report({ kind: 'issueRecovered', identity: IDENTITY, attempts: 3 })
  assert.deepEqual(lines, [
    `level=error event="certificate not issued" identity=${IDENTITY} error="SigningPaused: Not now."`,
    `level=info event="certificate issued again" identity=${IDENTITY} attempts=3`,
  ])
  assert.equal(await told('smi_identity_failures_total'), '3')
})

test('a revision is one line, and one that changed nothing is none', async () => {
  const { lines, metrics, log, told } = recorder()
  const { settled } = reportPipeline(log, metrics)
  const nothing = { revision: 7, changed: () => new Set<never>(), recomputed: new Map<string, number>(), failures: [] }
  settled({ ...nothing, revision: 8, recomputed: new Map([['routes', 1]]) }, { changed: 1, bytes: 900 }, 1.8)
  settled(nothing, { changed: 0, bytes: 0 }, 0.1)
  assert.deepEqual(lines, ['level=info event=settled revision=8 recomputed=1 changed=1 bytes=900 ms=1.8'])
  assert.equal(await told('smi_settle_recomputed_total{table="routes"}'), '1')
  assert.equal(await told('smi_settle_revisions_total'), '2')
})

test('a problem in a source is told when it comes and when all are solved', () => {
  const { lines, metrics, log } = recorder()
  const { sourceProblems } = reportPipeline(log, metrics)
  const problem = { file: 'a.yaml', where: 'line 3', message: 'It is no YAML.' }
  sourceProblems([problem])
  sourceProblems([problem])
  sourceProblems([])
  sourceProblems([])
  assert.deepEqual(lines, [
    'level=warn event="source problem" file=a.yaml where="line 3" message="It is no YAML."',
    'level=info event="source problems solved"',
  ])
})

test('proxies coming and going are counted, and not logged one by one', async () => {
  const { lines, metrics, log, told } = recorder()
  const report = reportPipeline(log, metrics)
  const node = { id: 'web-1.shop', cluster: '', agent: '' }
  const peer = { kind: 'plaintext', address: '127.0.0.1:1' } as const
  const scope = 'shop/web' as WorkloadKey
  const proxy = { node, peer, scope, pod: podKey('shop', 'web-1'), connectedAt: 0 }
  report.connected(proxy)
  report.pushed(TypeUrl.cluster, 2, 1, 100)
  report.acked(TypeUrl.cluster, 4)
  report.disconnected(proxy, 'gone')
  assert.deepEqual(lines, [])
  assert.equal(await told('smi_xds_connections_total'), '1')
  assert.equal(await told('smi_xds_pushed_resources_total{type="cluster"}'), '3')
  assert.equal(await told('smi_xds_ack_duration_seconds_sum{type="cluster"}'), '0.004')
})

/**
 * A thousand pods on two hundred Services, half of them with a proxy that is connected: what the operator does for a change, and what
 * it takes. Counts are held to; times are those of a machine that may be busy, so they are held to generously and written down.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Cluster, outputOf, startCluster } from './harness/cluster.ts'
import { CHART, CHECKOUT, installer } from './harness/installer.ts'
import { ENDPOINTS, NODE } from './harness/outside-operator.ts'

const RESULTS = join(CHECKOUT, 'bench-results')
/** Counts are exact on any machine. Of times, only those that no busy one explains are refused. */
const BUSY = 20
const SECONDS_OF_LOAD = '20'
const needsNode = process.env['TEST_KUBECONFIG'] === undefined ? false : 'measures from within a node of this machine'

describe('a thousand pods on two hundred Services', { skip: needsNode, timeout: 880_000 }, () => {
  let cluster: Cluster
  let figures: Figures
  const folder = mkdtempSync(join(tmpdir(), 'smi-scale-'))

  before(async () => {
    cluster = await startCluster({ name: 'test-scale', level: 'api', fakeNodes: 20 })
    const { helm } = installer(cluster.kubeconfig)
    await helm('install', 'smi-mesh', CHART, '--create-namespace', '--set', 'operator.replicas=1')
    await cluster.kubectl(['apply', '-f', '-'], ENDPOINTS)
    const accounts = await kubeconfigs(cluster, folder)
    const out = join(folder, 'figures.json')
    const words = ['--kubeconfig', accounts.admin, '--operator-kubeconfig', accounts.operator, '--out', out]
    const bench = join(CHECKOUT, 'operator/bench/cluster/run.ts')
    await outputOf(cluster.inNode(process.execPath, [bench, ...words, '--seconds', SECONDS_OF_LOAD], { stdio: 'pipe' }))
    figures = JSON.parse(readFileSync(out, 'utf8'))
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await cluster?.stop()
  })

  test('are known to the operator soon after it starts', t => {
    const { readyMs, readyCpuSeconds, rssMb, pods } = figures
    t.diagnostic(`ready after ${readyMs.toFixed(0)} ms and ${readyCpuSeconds} s of a processor`)
    t.diagnostic(`${rssMb.start.now.toFixed(0)} MB of memory, ${rssMb.start.most.toFixed(0)} MB at the most`)
    assert.equal(pods, 1000)
    assert.ok(readyMs < 5_000 * BUSY, `${readyMs} ms`)
  })

  test('cost a bounded amount of memory', t => {
    const { connected, end } = figures.rssMb
    t.diagnostic(
      `${connected.now.toFixed(0)} MB with ${figures.proxies} proxies, ${end.most.toFixed(0)} MB at the most`,
    )
    assert.ok(end.most < 600, `${end.most} MB`)
  })

  test('change by one, and what is computed does not follow their number', t => {
    for (const { what, computations, encoded, pushes } of figures.podEvents) {
      t.diagnostic(`${what}: ${computations} computations, ${encoded} resources encoded, ${pushes} responses`)
    }
    const [annotated, unready, ready] = figures.podEvents
    assert.deepEqual([annotated?.computations, annotated?.encoded, annotated?.pushes], [0, 0, 0])
    for (const event of [unready, ready]) {
      assert.ok(event !== undefined && event.computations > 0)
      assert.ok(event.computations <= 30, JSON.stringify(event.tables))
      assert.ok(event.encoded <= 4, `${event.encoded} resources`)
      assert.ok(event.pushes < 50, `${event.pushes} responses: those that may call its Service`)
    }
  })

  test('hear of a changed TrafficSplit as soon as they concern it, and only then', t => {
    const { ofFew, ofAll } = figures
    for (const { proxies, writeMs, watchMs, oursMs, allMs } of [ofFew, ofAll]) {
      const parts = [
        `write ${shown(writeMs)}`,
        `watch ${shown(watchMs)}`,
        `mesh ${shown(oursMs)}`,
        `all ${shown(allMs)}`,
      ]
      t.diagnostic(`${proxies} proxies, p50 / p99 ms: ${parts.join(', ')}`)
    }
    const { standalone } = figures
    t.diagnostic(`without a cluster: ${shown(standalone.ofFew)} and ${shown(standalone.ofAll)}`)
    assert.equal(ofAll.proxies, figures.proxies)
    assert.ok(ofFew.proxies > 0 && ofFew.proxies < 30, `${ofFew.proxies} proxies`)
    assert.ok(ofAll.oursMs.p50 < 200 * BUSY, `${ofAll.oursMs.p50} ms`)
  })

  test('are admitted at fifty a second, each of them well', t => {
    const { pods, barePods, splits, inject, validate, p99AtMostMs } = figures.admissions
    const named = {
      pods,
      'pods without a webhook': barePods,
      TrafficSplits: splits,
      '/inject': inject,
      '/validate': validate,
    }
    for (const [name, { asked, failed, firstFailure, p50, p99 }] of Object.entries(named)) {
      t.diagnostic(`${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms of ${asked}`)
      assert.equal(failed, 0, `${name}: ${firstFailure}`)
    }
    t.diagnostic(`by the operator's own clock, 99 of 100 within: ${JSON.stringify(p99AtMostMs)} ms`)
    assert.ok(inject.p99 < 50 * BUSY && validate.p99 < 50 * BUSY)
  })

  test('and what it took is written down', () => {
    mkdirSync(RESULTS, { recursive: true })
    writeFileSync(join(RESULTS, 'cluster.json'), `${JSON.stringify(figures, null, 2)}\n`)
    writeFileSync(join(RESULTS, 'cluster.md'), `${table(figures)}\n`)
  })
})

interface Spread {
  readonly p50: number
  readonly p99: number
}
interface SplitChanges {
  readonly proxies: number
  readonly writeMs: Spread
  readonly watchMs: Spread
  readonly oursMs: Spread
  readonly allMs: Spread
}
interface Latencies extends Spread {
  readonly asked: number
  readonly failed: number
  readonly firstFailure: string
}
interface Memory {
  readonly now: number
  readonly most: number
}
/** What `operator/bench/cluster/run.ts` writes. */
interface Figures {
  readonly pods: number
  readonly proxies: number
  readonly readyMs: number
  readonly readyCpuSeconds: number
  readonly connectMs: number
  readonly rssMb: { readonly start: Memory; readonly connected: Memory; readonly end: Memory }
  readonly ofFew: SplitChanges
  readonly ofAll: SplitChanges
  readonly standalone: { readonly ofFew: Spread; readonly ofAll: Spread }
  readonly podEvents: readonly {
    readonly what: string
    readonly computations: number
    readonly encoded: number
    readonly pushes: number
    readonly tables: object
  }[]
  readonly admissions: {
    readonly pods: Latencies
    readonly barePods: Latencies
    readonly splits: Latencies
    readonly inject: Latencies
    readonly validate: Latencies
    readonly p99AtMostMs: object
  }
}

const shown = ({ p50, p99 }: Spread) => `${p50.toFixed(1)} / ${p99.toFixed(1)}`

function table({ readyMs, rssMb, connectMs, ofFew, ofAll, standalone, admissions, proxies }: Figures): string {
  const { pods, barePods, splits, inject, validate } = admissions
  const megabytes = ({ now, most }: Memory) => `${now.toFixed(0)} MB (${most.toFixed(0)} at the most)`
  const rows = [
    ['start to ready', `${readyMs.toFixed(0)} ms`],
    ['memory then', megabytes(rssMb.start)],
    [`${proxies} proxies connect`, `${connectMs.toFixed(0)} ms`],
    ['memory then', megabytes(rssMb.connected)],
    [`a split of ${ofFew.proxies} proxies: write, p50 / p99 ms`, shown(ofFew.writeMs)],
    ['from the write to a watch', shown(ofFew.watchMs)],
    ['from there to the last ACK', shown(ofFew.oursMs)],
    [`a split of ${ofAll.proxies} proxies: write`, shown(ofAll.writeMs)],
    ['from the write to a watch', shown(ofAll.watchMs)],
    ['from there to the last ACK', shown(ofAll.oursMs)],
    ['such splits without a cluster', `${shown(standalone.ofFew)}, ${shown(standalone.ofAll)}`],
    ['a pod created, 50 a second, with its proxy', shown(pods)],
    ['the same without a webhook', shown(barePods)],
    ['a TrafficSplit changed, 50 a second', shown(splits)],
    ['/inject by itself', shown(inject)],
    ['/validate by itself', shown(validate)],
  ]
  return [
    '| 1,000 pods on 200 Services | |',
    '| --- | --- |',
    ...rows.map(([what, took]) => `| ${what} | ${took} |`),
  ].join('\n')
}

/** From within the node: of whoever may do all, and of the operator's own account. */
async function kubeconfigs(
  cluster: Cluster,
  folder: string,
): Promise<{ readonly admin: string; readonly operator: string }> {
  const token = await cluster.kubectl(['create', 'token', 'smi-mesh', '--namespace', 'smi-mesh'])
  const config = JSON.parse(await cluster.kubectl(['config', 'view', '--raw', '-o', 'json']))
  config.clusters[0].cluster.server = `https://${NODE}:6443`
  const written = (name: string, users: readonly object[]) => {
    const path = join(folder, name)
    writeFileSync(path, JSON.stringify({ ...config, users }), { mode: 0o600 })
    return path
  }
  const [{ name }] = config.users
  const admin = written('admin', config.users)
  return { admin, operator: written('operator', [{ name, user: { token: token.trim() } }]) }
}

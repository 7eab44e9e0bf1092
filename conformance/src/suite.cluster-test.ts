import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readCases } from './case/read.ts'
import { clusterDriver } from './drivers/cluster/driver.ts'
import { readMesh } from './drivers/cluster/mesh.ts'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { runSuite } from './suite.ts'

const folder = join(import.meta.dirname, '..')

describe('the suite in a real cluster without any mesh', () => {
  let cluster: Cluster | undefined
  before(async () => {
    cluster = await startCluster({ name: 'suite', level: 'full', kubeconfig: process.env['KUBECONFIG'] })
    await cluster.kubectl(['apply', '--server-side', '-f', join(folder, '../smi-crds/crds')])
  })
  after(() => cluster?.stop())

  /** What becomes of cases where nobody carries out what they say. */
  const EXPECTED = {
    'access/deny-by-default': 'failed',
    'access/no-egress': 'passed', // nobody is asked
    'split/canary': 'failed',
    'split/negative-weight': 'passed', // the API server refuses it
    'split/no-healthy-endpoints': 'passed', // a Service does so by itself
    'split/without-a-split': 'passed',
    'versions/split-up': 'skipped',
  }

  test('finds wanting what takes a mesh, and nothing else', async () => {
    assert.ok(cluster)
    const wanted: readonly string[] = Object.keys(EXPECTED)
    const cases = readCases(join(folder, 'cases')).filter(({ id }) => wanted.includes(id))
    const PATH = `${join(folder, '../.tools/bin')}:${process.env['PATH'] ?? ''}`
    const env = { ...process.env, PATH, KUBECONFIG: cluster.kubeconfig }
    const driver = await clusterDriver(readMesh(join(folder, 'meshes/none.yaml')), env)
    const { results } = await runSuite(driver, cases, { now: () => performance.now() }).finally(() => driver.stop())
    const found = results.map(({ case: one, verdict }) => [one.id, verdict.kind] as const)
    assert.deepEqual(Object.fromEntries(found), EXPECTED)
  })
})

/** Replicas of the operator as they are run, against a real API server: who writes, what is written, and what an end leaves. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Cluster, startCluster } from './harness/cluster.ts'

const CHECKOUT = resolve(import.meta.dirname, '../..')
const CRDS = join(CHECKOUT, 'smi-crds', 'crds')
const DEADLINE_MS = 60_000

interface Replica {
  readonly process: ChildProcess
  readonly health: string
  /** What it has logged. */
  log(): string
  ended(): Promise<number | null>
}

describe('replicas of the operator', () => {
  let cluster: Cluster
  const replicas: Replica[] = []

  before(async () => {
    cluster = await startCluster({ name: 'test-operator', level: 'api' })
    await cluster.kubectl(['create', 'namespace', 'smi-mesh'])
    await cluster.kubectl(['create', 'namespace', 'shop'])
  })
  after(async () => {
    for (const { process } of replicas) process.kill('SIGKILL')
    await cluster?.stop()
  })

  const started = async (identity: string): Promise<Replica> => {
    const replica = await replicaOf(cluster.kubeconfig, identity)
    replicas.push(replica)
    return replica
  }
  const lease = () =>
    cluster.kubectl(['-n', 'smi-mesh', 'get', 'lease', 'smi-mesh', '-o=jsonpath={.spec.holderIdentity}'])
  const split = async () =>
    JSON.parse(
      await cluster.kubectl(['-n', 'shop', 'get', 'trafficsplit', 'canary', '-o=json', '--show-managed-fields']),
    )
  const reported = async (generation: number) => {
    const { conditions = [] } = (await split()).status ?? {}
    return conditions.length === 3 && conditions.every((one: Condition) => one.observedGeneration === generation)
  }

  test('without the CRDs of SMI, a replica serves; with them, it needs no restart', async () => {
    const one = await started('one')
    await until('it is ready', () => isReady(one))
    assert.match(one.log(), /The cluster does not serve trafficsplits\.split\.smi-spec\.io\. Install/)
    await cluster.kubectl(['apply', '--server-side', '-f', CRDS])
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', CRDS])
    await cluster.kubectl(['apply', '-f', '-'], SHOP)
    await until('the split has its conditions', () => reported(1))
  })

  test('conditions are applied to the status alone, in the version that is read', async () => {
    const { spec, metadata, status } = await split()
    assert.deepEqual(spec.backends, [{ service: 'web', weight: 1 }])
    const ours = metadata.managedFields.filter((one: { manager: string }) => one.manager === 'smi-mesh')
    assert.deepEqual(
      ours.map((one: ManagedFields) => [one.operation, one.subresource, Object.keys(one.fieldsV1)]),
      [['Apply', 'status', ['f:status']]],
    )
    assert.deepEqual(
      status.conditions.map(({ type, status: is }: Condition) => `${type}=${is}`),
      ['Accepted=True', 'ResolvedRefs=True', 'Programmed=True'],
    )
  })

  test('the network gets health and numbers, and nothing else', async () => {
    const [one] = replicas
    assert.ok(one)
    assert.equal((await fetch(`${one.health}/metrics`)).status, 200)
    for (const path of ['/debug/mesh', '/debug/proxies', '/debug/config?node=a.b']) {
      assert.equal((await fetch(`${one.health}${path}`)).status, 404, path)
    }
  })

  test('a leader that dies is followed by another within its lease, which writes what is new and nothing else', async () => {
    const [one] = replicas
    const two = await started('two')
    await until('the second is ready', () => isReady(two))
    assert.equal(await lease(), 'one')
    one?.process.kill('SIGKILL')
    const died = performance.now()
    await until('the second leads', async () => (await lease()) === 'two')
    assert.ok(performance.now() - died < 20_000, `${performance.now() - died} ms without a leader`)
    assert.equal(await metric(two, 'smi_status_writes_total'), 0)
    await cluster.kubectl([
      '-n',
      'shop',
      'patch',
      'trafficsplit',
      'canary',
      '--type=merge',
      '-p',
      '{"spec":{"service":"none"}}',
    ])
    await until('the change is judged', () => reported(2))
    assert.equal(await metric(two, 'smi_status_writes_total'), 1)
  })

  test('a leader that is frozen and comes back writes nothing in the name of an old lease', async () => {
    const [, two] = replicas
    assert.ok(two)
    const three = await started('three')
    await until('the third is ready', () => isReady(three))
    two.process.kill('SIGSTOP')
    await until('the third leads', async () => (await lease()) === 'three')
    await cluster.kubectl([
      '-n',
      'shop',
      'patch',
      'trafficsplit',
      'canary',
      '--type=merge',
      '-p',
      '{"spec":{"service":"web"}}',
    ])
    await until('the third has judged the change', () => reported(3))
    const before = (await split()).metadata.resourceVersion
    two.process.kill('SIGCONT')
    await until('the second knows', async () => /leading no more/.test(two.log()))
    await until('the second is ready again', () => isReady(two))
    assert.equal((await split()).metadata.resourceVersion, before)
    assert.equal(await metric(two, 'smi_status_writes_total'), 1, 'as many as before it froze')
  })

  test('a leader that is told to end lets go at once, and ends well', async () => {
    const [, two, three] = replicas
    assert.ok(two && three)
    three.process.kill('SIGTERM')
    assert.equal(await three.ended(), 0)
    const ended = performance.now()
    await until('the second leads again', async () => (await lease()) === 'two')
    assert.ok(performance.now() - ended < 8_000, 'without waiting for the lease to die')
  })
})

interface Condition {
  readonly type: string
  readonly status: string
  readonly observedGeneration: number
}

interface ManagedFields {
  readonly operation: string
  readonly subresource: string
  readonly fieldsV1: object
}

const SHOP = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: canary, namespace: shop}
spec: {service: web, backends: [{service: web, weight: 1}]}
`

/** Starts a replica on ports of its own; resolves once its health is answered. */
async function replicaOf(kubeconfig: string, identity: string): Promise<Replica> {
  const anywhere = '127.0.0.1:0'
  const addresses = ['xds', 'health', 'admin', 'webhook'].flatMap(which => [`--${which}-address`, anywhere])
  const child = spawn(
    process.execPath,
    [
      join(CHECKOUT, 'operator/src/main.ts'),
      'operator',
      '--kubeconfig',
      kubeconfig,
      '--identity',
      identity,
      ...addresses,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const ending = once(child, 'exit')
  await until('it serves', async () => {
    assert.equal(child.exitCode, null, log)
    return / event=serving /.test(log)
  })
  const [, port = ''] = / health=(\d+)/.exec(log) ?? []
  return {
    process: child,
    health: `http://127.0.0.1:${port}`,
    log: () => log,
    ended: async () => {
      const [status] = await ending
      return typeof status === 'number' ? status : null
    },
  }
}

async function isReady({ health }: Replica): Promise<boolean> {
  return (await fetch(`${health}/readyz`)).status === 200
}

async function metric({ health }: Replica, name: string): Promise<number> {
  const text = await (await fetch(`${health}/metrics`)).text()
  const line = text.split('\n').find(one => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + DEADLINE_MS
  while (!(await holds())) {
    assert.ok(performance.now() < end, `Not within ${DEADLINE_MS} ms: ${what}`)
    await pause(100)
  }
}

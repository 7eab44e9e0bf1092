/**
 * What replicas of the operator and their proxies do while something they need is away: the API server, permissions' objects, the
 * leader, all replicas at once. Proxies are simulated and prove themselves with real tokens of real pods; OUTAGE_MS says how long
 * the API server stays away.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { TypeUrl } from '@smi-mesh/dataplane/mesh'
import { TokenProxy } from '../../dataplane/src/xds/testdata/token-proxy.ts'
import { killApiServer, startApiServer } from './harness/api-server.ts'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { type Gate, gate } from './harness/gate.ts'
import { type Replica, startReplica } from './harness/replica.ts'
import { until } from './harness/until.ts'

const CLUSTER = 'test-outage'
const CRDS = resolve(import.meta.dirname, '../../smi-crds/crds')
const OUTAGE_MS = Number(process.env['OUTAGE_MS'] ?? 20_000)
/** After an API server's return, what was changed must be right within this. */
const RIGHT_MS = 30_000
const SPLITS = 'trafficsplits.split.smi-spec.io'

describe('a mesh that loses what it needs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outage-'))
  const replicas: Replica[] = []
  const proxies = new Map<string, TokenProxy>()
  /** Pods that stand behind both Services, by name. */
  const addresses = new Map<string, string>()
  let cluster: Cluster
  let way: Gate
  let throughGate = ''

  before(async () => {
    cluster = await startCluster({ name: CLUSTER, level: 'api' })
    await cluster.kubectl(['create', 'namespace', 'smi-mesh'])
    const text = readFileSync(cluster.kubeconfig, 'utf8')
    const [, host = '', port = ''] = /https:\/\/([\d.]+):(\d+)/.exec(text) ?? []
    way = await gate({ host, port: Number(port) }, false)
    throughGate = join(folder, 'kubeconfig')
    writeFileSync(throughGate, text.replace(`${host}:${port}`, `127.0.0.1:${way.port}`), { mode: 0o600 })
  })
  after(async () => {
    await Promise.all([...proxies.values()].map(proxy => proxy.stop()))
    for (const { process } of replicas) process.kill('SIGKILL')
    await way?.stop()
    await cluster?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const started = async (identity: string): Promise<Replica> => {
    const replica = await startReplica({ kubeconfig: throughGate, identity, more: ['--access', 'permissive'] })
    replicas.push(replica)
    return replica
  }
  const alive = () => replicas.filter(({ process }) => process.exitCode === null && process.signalCode === null)
  const replica = (identity: string): Replica => {
    const found = replicas.find(one => one.identity === identity)
    assert.ok(found)
    return found
  }
  const shop = (...words: readonly string[]) => cluster.kubectl(['-n', 'shop', ...words])
  const leader = () =>
    cluster.kubectl(['-n', 'smi-mesh', 'get', 'lease', 'smi-mesh', '-o=jsonpath={.spec.holderIdentity}'])
  const splitTo = (...backends: readonly string[]) =>
    shop(
      'patch',
      'trafficsplit',
      'canary',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { backends: weighed(backends) } }),
    )
  /** The generation that each condition of the split was found for. */
  const judged = async (): Promise<readonly number[]> => {
    const { metadata, status } = JSON.parse(await shop('get', 'trafficsplit', 'canary', '-o=json'))
    const seen = (status?.conditions ?? []).map((one: Condition) => one.observedGeneration)
    return seen.length === 3 && seen.every((one: number) => one === metadata.generation) ? seen : []
  }
  const tokenOf = async (pod: string) =>
    (
      await shop(
        'create',
        'token',
        'web',
        '--bound-object-kind=Pod',
        `--bound-object-name=${pod}`,
        '--audience=smi-mesh',
      )
    ).trim()
  /** A running pod behind both Services, which nobody runs. */
  const pod = async (name: string, ip: string) => {
    await cluster.kubectl(['apply', '-f', '-'], podNamed(name))
    const conditions = [{ type: 'Ready', status: 'True' }]
    const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions }
    await shop('patch', 'pod', name, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status }))
    addresses.set(name, ip)
    await cluster.kubectl(['apply', '-f', '-'], slicesOf(addresses))
  }
  const gone = async (name: string) => {
    await shop('delete', 'pod', name, '--force', '--grace-period=0')
    addresses.delete(name)
    await cluster.kubectl(['apply', '-f', '-'], slicesOf(addresses))
  }
  const connect = async (
    name: string,
    choose: () => Replica | undefined,
    refuses?: (type: string, name: string) => string | undefined,
  ) => {
    const roots = await shop('get', 'configmap', 'smi-mesh-trust', '-o=jsonpath={.data.roots\\.pem}')
    let token = await tokenOf(name)
    const proxy = new TokenProxy({
      nodeId: `${name}.shop`,
      roots,
      ...(refuses === undefined ? {} : { refuses }),
      port: () => choose()?.xdsPort(),
      // As a kubelet does: a fresh one where there can be one.
      token: async () => (token = await tokenOf(name).catch(() => token)),
    })
    proxies.set(name, proxy)
    await until(`${name} is told of the split`, async () => proxy.knows('shop/web'))
    return proxy
  }
  const all = () => [...proxies.values()]

  test('a replica that starts without an API server answers, says what it waits for, and is ready once there is one', async () => {
    const one = await started('one')
    await until('it waits', async () => /event=waiting/.test(one.log()))
    const { status, text } = await one.readiness()
    assert.equal(status, 503)
    assert.match(text, /Waits for the authority: .*The API server did not answer/)
    assert.equal((await fetch(`${one.health}/healthz`)).status, 200)
    assert.match(one.log(), /level=warn event=waiting for="the authority" error="StateUnavailable: .*did not answer/)
    way.open()
    await until('it is ready', () => one.isReady())
    assert.match(one.log(), /event=waited for="the authority"/)
    assert.equal(one.log().match(/event=waiting/g)?.length, 1, 'said once')
  })

  test('with some of the CRDs it carries out those, names the others, and takes them up without a restart', async () => {
    const one = replica('one')
    const file = (name: string) => ['-f', join(CRDS, `${name}.yaml`)]
    await cluster.kubectl(['apply', '--server-side', ...file(SPLITS)])
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...file(SPLITS)])
    await cluster.kubectl(['apply', '-f', '-'], SHOP)
    await until('the split has its conditions', async () => (await judged()).length > 0)
    assert.ok(await one.isReady())
    assert.match(one.log(), /The cluster does not serve traffictargets\.access\.smi-spec\.io\. Install/)
    await cluster.kubectl(['apply', '--server-side', '-f', CRDS])
    await until('all are served', async () => /event="source problems solved"/.test(one.log()))
    assert.doesNotMatch(one.log(), /level=warn .*\((?:429|410)\)/)
  })

  test('proxies are told who they are by tokens of their pods, and one of an earlier pod of the name gets nothing', async () => {
    await pod('web-1', '198.18.0.11')
    await pod('web-2', '198.18.0.12')
    await pod('web-3', '198.18.0.13')
    await connect('web-1', () => alive()[0])
    await connect('web-2', () => alive().at(-1))
    const third = await connect('web-3', () => alive().at(-1))
    const [before, uid] = [await tokenOf('web-3'), await uidOf('web-3')]
    await gone('web-3')
    await pod('web-3', '198.18.0.13')
    assert.notEqual(await uidOf('web-3'), uid)
    await until('the stream of the pod that is gone has ended', async () => third.ends.length > 0)
    assert.match(third.ends[0]?.details ?? '', /UID|not in the mesh/)
    await until('the new pod is let in', async () => third.isConnected && third.knows('198.18.0.11'))
    const roots = await shop('get', 'configmap', 'smi-mesh-trust', '-o=jsonpath={.data.roots\\.pem}')
    const port = () => alive()[0]?.xdsPort()
    const stale = new TokenProxy({ nodeId: 'web-3.shop', roots, port, token: async () => before })
    try {
      await until('it is refused', async () => stale.ends.length > 1)
      assert.match(stale.ends[0]?.details ?? '', /does not know this token|UID/)
      assert.equal(stale.received, 0)
    } finally {
      await stale.stop()
    }
  })

  const uidOf = (name: string) => shop('get', 'pod', name, '-o=jsonpath={.metadata.uid}')

  test(`an API server that is killed and stays away for ${OUTAGE_MS} ms takes nothing from anybody`, async t => {
    const two = await started('two')
    await until('the second is ready', () => two.isReady())
    const before = all().map(proxy => [proxy.holds, proxy.received, proxy.ends.length])
    killApiServer(CLUSTER)
    await pause(OUTAGE_MS) // what is waited for is that nothing happens
    assert.deepEqual(
      all().map(proxy => [proxy.holds, proxy.received, proxy.ends.length]),
      before,
      'the streams went on, and nothing was told anew or taken away',
    )
    for (const { process, log } of alive()) assert.equal(process.exitCode, null, log())
    await startApiServer(CLUSTER)
    const back = performance.now()
    await pod('web-4', '198.18.0.14')
    await splitTo('web-v2')
    const right = () => all().every(proxy => proxy.knows('198.18.0.14') && isSplit(proxy))
    await until('what was changed is right everywhere', async () => right(), RIGHT_MS)
    t.diagnostic(`right ${Math.round(performance.now() - back)} ms after its return`)
    await until('and judged', async () => (await judged()).length > 0, RIGHT_MS)
    for (const one of alive()) await until(`${one.identity} is ready again`, () => one.isReady(), RIGHT_MS)
  })

  test(`what is changed while replicas do not reach the API server for ${OUTAGE_MS} ms is right after it`, async t => {
    const ends = all().map(proxy => proxy.ends.length)
    way.shut()
    await pod('web-5', '198.18.0.15')
    await gone('web-4')
    await splitTo('web')
    await pause(OUTAGE_MS) // what is waited for is that nothing happens
    assert.ok(all().every(proxy => proxy.knows('198.18.0.14') && !proxy.knows('198.18.0.15') && isSplit(proxy)))
    assert.deepEqual(
      all().map(proxy => proxy.ends.length),
      ends,
      'the streams went on',
    )
    way.open()
    const back = performance.now()
    const right = () =>
      all().every(proxy => proxy.knows('198.18.0.15') && !proxy.knows('198.18.0.14') && !isSplit(proxy))
    await until('what was changed is right everywhere', async () => right(), RIGHT_MS)
    t.diagnostic(`right ${Math.round(performance.now() - back)} ms after its return`)
    await until('and judged', async () => (await judged()).length > 0, RIGHT_MS)
    const late = await connect('web-5', () => alive().at(-1))
    t.diagnostic(
      `a pod made meanwhile has its configuration ${Math.round(performance.now() - back)} ms after its return`,
    )
    assert.ok(performance.now() - back < RIGHT_MS)
    await late.stop()
    proxies.delete('web-5')
  })

  test('what a proxy of a replica that does not lead refuses stands in the status, and is taken back', async t => {
    const leading = await leader()
    const follower = alive().find(({ identity }) => identity !== leading)
    assert.ok(follower)
    const state = { refuses: true }
    const picky = await connect(
      'web-5',
      () => follower,
      (type, name) =>
        state.refuses && type === TypeUrl.routeConfiguration && name === 'shop/web:80' ? 'unheard of' : undefined,
    )
    const programmed = async (): Promise<string> => {
      const { status } = JSON.parse(await shop('get', 'trafficsplit', 'canary', '-o=json'))
      const found = status.conditions.find((one: Condition) => one.type === 'Programmed')
      return `${found.status} ${found.reason}`
    }
    const began = performance.now()
    await splitTo('web', 'web-v2')
    await until(
      'its status says so',
      async () => (await programmed()) === 'False ProxyRejected' || (await programmed()),
    )
    t.diagnostic(`${Math.round(performance.now() - began)} ms from the change to the status`)
    state.refuses = false
    await splitTo('web')
    await until(
      'its status takes it back',
      async () => (await programmed()) === 'True Programmed' || (await programmed()),
    )
    await picky.stop()
    proxies.delete('web-5')
  })

  test('a leader that is killed is followed: statuses go on, and no proxy is told anything anew', async t => {
    const first = replica(await leader())
    const other = alive().find(one => one !== first)
    assert.ok(other)
    const before = all().map(proxy => [proxy.holds, proxy.received])
    first.process.kill('SIGKILL')
    const died = performance.now()
    await until('the other leads', async () => (await leader()) === other.identity)
    t.diagnostic(`${Math.round(performance.now() - died)} ms without a leader`)
    await until('all proxies are with the other', async () => (await other.metric('smi_xds_streams')) === proxies.size)
    assert.deepEqual(
      all().map(proxy => [proxy.holds, proxy.received]),
      before,
    )
    await splitTo('web-v2')
    await until('the change is judged', async () => (await judged()).length > 0)
  })

  test('the operator deleted and made anew tells no proxy anything anew', async t => {
    for (const { process } of alive()) process.kill('SIGKILL')
    await until('all have gone', async () => alive().length === 0)
    const before = all().map(proxy => [proxy.holds, proxy.received])
    const began = performance.now()
    const three = await started('three')
    await until('all proxies are back', async () => (await three.metric('smi_xds_streams')) === proxies.size)
    t.diagnostic(`all back ${Math.round(performance.now() - began)} ms after it was started`)
    assert.deepEqual(
      all().map(proxy => [proxy.holds, proxy.received]),
      before,
    )
    assert.equal(await three.metric('smi_xds_pushed_resources_total'), 0)
  })
})

/** Whether requests to web go to web-v2. */
function isSplit(proxy: TokenProxy): boolean {
  return proxy.says('shop/web:80', 'shop/web-v2:80')
}

interface Condition {
  readonly type: string
  readonly observedGeneration: number
}

function weighed(backends: readonly string[]): readonly object[] {
  return backends.map(service => ({ service, weight: 1 }))
}

function podNamed(name: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: web}, annotations: {smi-mesh.dev/status: injected}}
spec:
  serviceAccountName: web
  containers: [{name: app, image: none, ports: [{containerPort: 80}]}]
`
}

/** No controller of this cluster makes any of pods without a node. */
function slicesOf(addresses: ReadonlyMap<string, string>): string {
  const endpoints = [...addresses].map(([name, ip]) => ({
    addresses: [ip],
    conditions: { ready: true },
    targetRef: { kind: 'Pod', namespace: 'shop', name },
  }))
  const items = ['web', 'web-v2'].map(name => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ port: 80, protocol: 'TCP' }],
    endpoints,
  }))
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}

const SHOP = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {smi-mesh.dev/inject: enabled}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80, appProtocol: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-v2, namespace: shop}
spec: {ports: [{port: 80, appProtocol: http}]}
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: canary, namespace: shop}
spec: {service: web, backends: [{service: web, weight: 1}]}
`

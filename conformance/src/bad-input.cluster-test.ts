/**
 * What a replica does with what is wrong around it, against a real API server: a Secret half written, a clock ten minutes off,
 * versions of CRDs that are not served, objects as large as can be, fields nobody knows. A clear sentence, and nothing lost.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { TokenProxy } from '../../dataplane/src/xds/testdata/token-proxy.ts'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { type Replica, startReplica } from './harness/replica.ts'
import { until } from './harness/until.ts'

const CRDS = resolve(import.meta.dirname, '../../smi-crds/crds')
const SPLITS = 'trafficsplits.split.smi-spec.io'
const SECRET = ['-n', 'smi-mesh', 'get', 'secret', 'smi-mesh-authority']

describe('what is wrong in a cluster', () => {
  let cluster: Cluster
  const replicas: Replica[] = []
  const proxies: TokenProxy[] = []

  before(async () => {
    cluster = await startCluster({ name: 'test-bad-input', level: 'api' })
    await cluster.kubectl(['create', 'namespace', 'smi-mesh'])
    await cluster.kubectl(['apply', '--server-side', '-f', CRDS])
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', CRDS])
    await cluster.kubectl(['apply', '-f', '-'], SHOP)
  })
  after(async () => {
    await Promise.all(proxies.map(proxy => proxy.stop()))
    for (const { process } of replicas) process.kill('SIGKILL')
    await cluster?.stop()
  })

  const started = async (identity: string, more: Partial<Parameters<typeof startReplica>[0]> = {}) => {
    const access = ['--access', 'permissive']
    const replica = await startReplica({ kubeconfig: cluster.kubeconfig, identity, more: access, ...more })
    replicas.push(replica)
    return replica
  }
  const shop = (...words: readonly string[]) => cluster.kubectl(['-n', 'shop', ...words])
  const refused = (work: Promise<unknown>) =>
    work.then(
      () => 'it was taken',
      (error: unknown) => String(error),
    )
  const condition = async (split: string, type: string): Promise<string> => {
    const { status } = JSON.parse(await shop('get', 'trafficsplit', split, '-o=json'))
    const found = (status?.conditions ?? []).find((one: Condition) => one.type === type)
    return `${found?.status} ${found?.reason}`
  }
  const proxyOf = async (replica: Replica): Promise<TokenProxy> => {
    const roots = await shop('get', 'configmap', 'smi-mesh-trust', '-o=jsonpath={.data.roots\\.pem}')
    const words = [
      'create',
      'token',
      'web',
      '--bound-object-kind=Pod',
      '--bound-object-name=web-1',
      '--audience=smi-mesh',
    ]
    const token = async () => (await shop(...words)).trim()
    const proxy = new TokenProxy({ nodeId: 'web-1.shop', roots, port: replica.xdsPort, token })
    proxies.push(proxy)
    await until('it is told of Service web', async () => proxy.knows('shop/web') || JSON.stringify(proxy.ends.at(-1)))
    return proxy
  }

  test('a Secret half written is named and waited for; nothing is made in its place, and its repair is enough', async () => {
    const first = await started('first')
    await until('it is ready', () => first.isReady())
    first.process.kill('SIGTERM')
    assert.equal(await first.ended(), 0)
    const whole = JSON.parse(await cluster.kubectl([...SECRET, '-o=json'])).data['authority.json']
    const half = Buffer.from(Buffer.from(whole, 'base64').subarray(0, 200)).toString('base64')
    const write = (text: string) =>
      cluster.kubectl([
        ...['-n', 'smi-mesh', 'patch', 'secret', 'smi-mesh-authority', '--type=merge'],
        ...['-p', JSON.stringify({ data: { 'authority.json': text } })],
      ])
    await write(half)
    const one = await started('one')
    await until('it says so', async () =>
      /smi-mesh-authority cannot be used: .*Restore it from a backup/.test(one.log()),
    )
    const { status, text } = await one.readiness()
    assert.equal(status, 503)
    assert.match(text, /Waits for the authority: .*smi-mesh-authority cannot be used/)
    assert.doesNotMatch(text + one.log(), /PRIVATE KEY/)
    assert.equal(JSON.parse(await cluster.kubectl([...SECRET, '-o=json'])).data['authority.json'], half)
    await write(whole)
    await until('it is ready', () => one.isReady())
    await write(half)
    await until(
      'it goes on from memory',
      async () => (await one.isReady()) && (await condition('canary', 'Accepted')) === 'True Accepted',
    )
    await write(whole)
  })

  test('a clock ten minutes off, ahead or behind, is named; proxies are served, and leadership goes over in good order', async () => {
    for (const minutes of [10, -10]) {
      const shift = `const now = Date.now; Date.now = () => now() + ${minutes * 60_000}`
      const preload = `--import=data:text/javascript,${encodeURIComponent(shift)}`
      const off = await started(`off${minutes}`, { command: ['env', `NODE_OPTIONS=${preload}`] })
      await until('it is ready', () => off.isReady())
      assert.match(off.log(), new RegExp(`event="clocks differ" aheadSeconds=${minutes < 0 ? '-' : ''}(?:599|60\\d)`))
      for (const other of replicas) if (other !== off) other.process.kill('SIGTERM')
      const holder = ['-n', 'smi-mesh', 'get', 'lease', 'smi-mesh', '-o=jsonpath={.spec.holderIdentity}']
      await until('it leads', async () => (await cluster.kubectl(holder)) === off.identity)
      const proxy = await proxyOf(off)
      assert.equal(proxy.ends.filter(({ details }) => !/stopping/.test(details)).length, 0)
      await proxy.stop()
    }
  })

  test('an object as large as can be is taken or refused with a reason, and the others go on', async () => {
    const on = replicas.at(-1)
    assert.ok(on)
    const split = (name: string, bytes: number) =>
      JSON.stringify({
        apiVersion: 'split.smi-spec.io/v1alpha4',
        kind: 'TrafficSplit',
        metadata: { name, namespace: 'shop' },
        spec: {
          service: 'web',
          backends: Array.from({ length: Math.ceil(bytes / 100) }, (_, at) => ({
            service: `web-${at}-${'x'.repeat(50)}`,
            weight: 1,
          })),
        },
      })
    const create = (text: string) => cluster.kubectl(['create', '-f', '-'], text)
    assert.match(await refused(create(split('three', 3_500_000))), /too large|limit is|larger than max/)
    await create(split('one', 900_000)).catch((error: unknown) =>
      assert.match(String(error), /Too many|must have at most|too large|larger than max/),
    )
    await create(split('late', 100))
    await until('the late one is judged', async () => /^(?:True|False)/.test(await condition('late', 'Accepted')))
    assert.ok(await on.isReady())
    await shop('delete', 'trafficsplit', 'late', 'one', '--ignore-not-found')
  })

  test('fields nobody knows are named to whoever writes them, and do no harm', async () => {
    const odd = SPLIT.replace('canary', 'odd').replace('spec: {', 'spec: {colour: blue, ')
    assert.match(await refused(cluster.kubectl(['create', '-f', '-'], odd)), /unknown field "spec\.colour"/)
    await cluster.kubectl(['create', '--validate=false', '-f', '-'], odd)
    await until('it is judged', async () => /^(?:True|False)/.test(await condition('odd', 'Accepted')))
    await shop('delete', 'trafficsplit', 'odd')
  })

  test('a version that is served no more is named, and what was read in it stays in force', async () => {
    const on = replicas.at(-1)
    assert.ok(on)
    await until('it reads', async () => (await condition('canary', 'Accepted')) === 'True Accepted')
    const proxy = await proxyOf(on)
    await until('the split is in force', async () => proxy.says('shop/web:80', 'shop/web-v2:80'))
    const crd = JSON.parse(await cluster.kubectl(['get', 'crd', SPLITS, '-o=json']))
    const served = (is: boolean) => {
      const versions = crd.spec.versions.map((one: object) => ({ ...one, served: is }))
      const patch = JSON.stringify({ spec: { versions } })
      return cluster.kubectl(['patch', 'crd', SPLITS, '--type=merge', '-p', patch])
    }
    const lines = on.log().length
    await served(false)
    await until('it says so', async () =>
      /does not serve trafficsplits\.split\.smi-spec\.io\..* stays? in force until it is served again/.test(
        on.log().slice(lines),
      ),
    )
    assert.ok(proxy.says('shop/web:80', 'shop/web-v2:80') && proxy.isConnected && (await on.isReady()))
    await served(true)
    await until('it is followed again', async () => /event="source problems solved"/.test(on.log().slice(lines)))
    assert.ok(proxy.says('shop/web:80', 'shop/web-v2:80'))
  })
})

interface Condition {
  readonly type: string
}

const SPLIT = readFileSync(join(import.meta.dirname, 'bad-input/split.yaml'), 'utf8')
const SHOP = readFileSync(join(import.meta.dirname, 'bad-input/shop.yaml'), 'utf8') + SPLIT

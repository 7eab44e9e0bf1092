/**
 * The life of an installation with traffic on it: from the version before to this one by Helm and by `smictl`, workloads that follow,
 * back and forth, and what is left when it goes. A client asks all the time, and not one of its requests may fail.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Cluster, outputOf, startCluster } from './harness/cluster.ts'
import { everyObject, isAll } from './harness/every-object.ts'
import { CHART, type Installer, installer } from './harness/installer.ts'
import { LoadFollower, loadManifest } from './harness/load.ts'
import { PREVIOUS_TAG, type PreviousVersion, previousVersion } from './harness/previous-version.ts'
import { SHOP, serverManifest } from './harness/shop.ts'
import { until } from './harness/until.ts'

const NAME = 'test-upgrade'
const RATE = 40

describe('a mesh that carries traffic', { timeout: 850_000 }, () => {
  let cluster: Cluster
  let helm: Installer['helm']
  let smictl: Installer['smictl']
  let previous: PreviousVersion
  let untouched: readonly string[] = []
  let load: LoadFollower
  let failuresSeen = 0

  before(async () => {
    cluster = await startCluster({ name: NAME, level: 'full' })
    ;({ helm, smictl } = installer(cluster.kubeconfig))
    previous = await previousVersion(cluster, NAME)
    untouched = await everyObject(cluster)
  })
  after(async () => {
    load?.stop()
    previous?.remove()
    await cluster?.stop()
  })

  const inShop = (...words: readonly string[]) => cluster.kubectl(['-n', 'shop', ...words])
  const podsOf = async (app: string): Promise<readonly Pod[]> => {
    const { items } = JSON.parse(await inShop('get', 'pods', '-l', `app=${app}`, '-o', 'json'))
    return items.filter(({ metadata }: Pod) => metadata.deletionTimestamp === undefined)
  }
  const proxies = async (app: string) =>
    (await podsOf(app)).map(({ spec }) => spec.initContainers?.find(({ name }) => name === 'smi-mesh-proxy')?.image)
  const follow = async () => {
    const [pod] = await podsOf('load')
    assert.ok(pod !== undefined)
    load = new LoadFollower(cluster.kubeconfig, 'shop', pod.metadata.name)
    failuresSeen = 0
  }
  /** What was asked meanwhile has all been answered well. */
  const unharmed = async (t: { diagnostic(text: string): void }, what: string, work: () => Promise<unknown>) => {
    const { sent } = load.seen
    const began = performance.now()
    await work()
    const took = performance.now() - began
    const enough = load.seen.sent + 2 * RATE
    await until('requests go on', async () => load.seen.sent >= enough || `${load.seen.sent} were sent`)
    const { sent: now, failed } = load.seen
    t.diagnostic(`${what}: ${Math.round(took)} ms, ${now - sent} requests, ${failed.length - failuresSeen} failed`)
    const fresh = failed.slice(failuresSeen)
    failuresSeen = failed.length
    assert.deepEqual(fresh, [])
    assert.ok(now > sent)
  }
  const rolledOut = (name: string, namespace: string) =>
    cluster.kubectl(['-n', namespace, 'rollout', 'status', `deployment/${name}`, '--timeout=110s'])
  const restarted = async (name: string) => {
    await inShop('rollout', 'restart', `deployment/${name}`)
    await rolledOut(name, 'shop')
  }
  const answeredBy = (name: string) =>
    until(`all answers are of ${name}`, async () => {
      const names = Object.keys(load.seen.lately)
      return (names.length === 1 && names[0] === name) || names.join(', ')
    })

  test('is of the version before at first', async t => {
    t.diagnostic(`the version before: ${previous.of}`)
    const images = `images.registry=localhost,images.tag=${PREVIOUS_TAG}`
    const words = ['--create-namespace', '--set', images, '--set', 'crds.keep=true', '--wait', '--timeout', '120s']
    await helm('install', 'smi-mesh', previous.chart, ...words)
    await cluster.kubectl(['apply', '-f', '-'], SPLIT_SHOP)
    await cluster.kubectl(['apply', '-f', '-'], loadManifest('shop', 'http://web/', RATE))
    for (const name of ['web-a', 'web-b', 'load']) await rolledOut(name, 'shop')
    await follow()
    await answeredBy('web-a')
    for (const app of ['load', 'web-a']) {
      assert.deepEqual(new Set(await proxies(app)), new Set([`localhost/smi-mesh/proxy:${PREVIOUS_TAG}`]))
    }
    failuresSeen = load.seen.failed.length // while its pods were coming
  })

  test('is upgraded by Helm without a failed request', async t => {
    const values = ['--reset-then-reuse-values', '--set', 'images.tag=dev', '--wait', '--timeout', '150s']
    await unharmed(t, 'helm upgrade', () => helm('upgrade', 'smi-mesh', CHART, ...values))
  })

  test('goes on with the proxies of the version before, which obey the operator of this one', async t => {
    await unharmed(t, 'a new split', async () => {
      await cluster.kubectl(['apply', '-f', '-'], split('web-b'))
      await answeredBy('web-b')
    })
    assert.deepEqual(await proxies('load'), [`localhost/smi-mesh/proxy:${PREVIOUS_TAG}`])
    const { said } = await smictl('check', '--proxies')
    assert.match(said, /^! proxies are of the version of the operator$/m)
    assert.doesNotMatch(said, /^✗/m)
  })

  test('is upgraded by smictl as well, which finds it well afterwards', async t => {
    await unharmed(t, 'smictl upgrade', async () => {
      const { said, status } = await smictl('upgrade', '--set', 'operator.logLevel=debug')
      assert.equal(status, 0, said)
      await rolledOut('smi-mesh', 'smi-mesh')
    })
  })

  test('has its servers restarted, which come with proxies of this version', async t => {
    await unharmed(t, 'rollout of the servers', async () => {
      await restarted('web-a')
      await restarted('web-b')
    })
    assert.deepEqual(new Set(await proxies('web-b')), new Set(['localhost/smi-mesh/proxy:dev']))
  })

  test('has its client restarted, whose last request is answered as well', async t => {
    const leaving = load
    await restarted('load')
    await until(
      'the old client is gone',
      async () => (await inShop('get', 'pods', '-l', 'app=load', '-o', 'name')).trim().split('\n').length === 1,
    )
    t.diagnostic(`the client sent ${leaving.seen.sent} requests in all`)
    assert.deepEqual(leaving.seen.failed.slice(failuresSeen), [])
    await follow()
    await unharmed(t, 'the new client', () => answeredBy('web-b'))
    const { said, status } = await smictl('check', '--proxies')
    assert.equal(status, 0, said)
    assert.match(said, /^✓ proxies are of the version of the operator/m)
  })

  test('goes back to the version before under newer proxies, and forth again', async t => {
    await unharmed(t, 'helm rollback', async () => {
      await helm('rollback', 'smi-mesh', '1', '--wait', '--timeout', '150s')
      await cluster.kubectl(['apply', '-f', '-'], split('web-a'))
      await answeredBy('web-a')
    })
    await unharmed(t, 'helm rollback forth', () => helm('rollback', 'smi-mesh', '3', '--wait', '--timeout', '150s'))
  })

  test('goes without a failed request, and leaves what users wrote, with what is kept for a return', async t => {
    const { said } = await unharmedUninstall(t)
    for (const kind of ['trafficsplits', 'traffictargets'])
      assert.match(said, new RegExp(`CustomResourceDefinition.*${kind}`))
    const definitions = (await cluster.kubectl(['get', 'crd', '-o', 'name'])).split('\n').filter(Boolean)
    assert.equal(definitions.length, 6)
    const kept = [
      ...definitions.map(name => `CustomResourceDefinition /${name.replace(/.*\//, '')}`),
      'ConfigMap smi-mesh/kube-root-ca.crt',
      'Namespace /smi-mesh',
      'Secret smi-mesh/smi-mesh-authority',
      'ServiceAccount smi-mesh/default',
    ]
    await leaves([...untouched, ...kept])
    const shop = (await everyObject(cluster)).filter(name => name.includes(' shop/smi-mesh'))
    assert.deepEqual(shop, [])
  })

  test('leaves pods that have no proxy when they are made anew, and no rule in the kernel', async () => {
    for (const name of ['web-a', 'web-b', 'load']) await restarted(name)
    await until('only new pods are left', async () => {
      const { items } = JSON.parse(await inShop('get', 'pods', '-o', 'json'))
      return items.length === 3 || items.map(({ metadata }: Pod) => metadata.name).join(', ')
    })
    for (const app of ['web-a', 'web-b', 'load'])
      assert.deepEqual(new Set(await proxies(app)), new Set([undefined]), app)
    load.stop()
    await follow()
    await until('the client is answered', async () => Object.keys(load.seen.lately).length > 0)
    const rules = await outputOf(cluster.inNode('nft', ['list', 'tables'], { stdio: ['ignore', 'pipe', 'pipe'] }))
    assert.doesNotMatch(rules, /smi/)
  })

  test('phrase 15: "Uninstall leaves no iptables, webhooks, CRD finalizers, secrets", if smictl is asked so', async () => {
    const { said, status } = await smictl('uninstall', '--crds', '--remove-namespace')
    assert.equal(status, 0, said)
    assert.match(said, /^removed Secret smi-mesh\/smi-mesh-authority$/m)
    assert.doesNotMatch(said, /still have a proxy/)
    await leaves(untouched)
  })

  const unharmedUninstall = async (t: { diagnostic(text: string): void }) => {
    let said = ''
    await unharmed(t, 'helm uninstall', async () => {
      ;({ said } = await helm('uninstall', 'smi-mesh', '--wait', '--timeout', '60s'))
    })
    return { said }
  }
  /** What is of the shop is its users'; dependents and namespaces go in their own time. */
  const leaves = (expected: readonly string[]) =>
    until('all is as expected', () => isAll(cluster, expected, name => !/ shop\/|^Namespace \/shop(?: |$)/.test(name)))
})

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string }
  readonly spec: { readonly initContainers?: readonly { readonly name: string; readonly image: string }[] }
}

const split = (backend: string) => `
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: web, namespace: shop }
spec: { service: web, backends: [{ service: ${backend}, weight: 1 }] }
`

const SPLIT_SHOP = `${SHOP}
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { answers: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---${serverManifest('web-a')}${serverManifest('web-b')}${split('web-a')}`

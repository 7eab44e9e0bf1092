/**
 * The chart and `smictl` against a real API server: what is installed, what its account may do, what an upgrade leaves alone, and
 * that nothing stays. The operator runs as it would in its pod, with the arguments and the account that the chart gives it.
 */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { everyObject, isAll } from './harness/every-object.ts'
import { CHART, CHECKOUT, type Installer, installer } from './harness/installer.ts'
import { ENDPOINTS, NODE } from './harness/outside-operator.ts'
import { until } from './harness/until.ts'

const ACCOUNT = 'system:serviceaccount:smi-mesh:smi-mesh'

describe('an installed mesh', () => {
  let cluster: Cluster
  let helm: Installer['helm']
  let smictl: Installer['smictl']
  let operator: ChildProcess | undefined
  let log = ''
  let untouched: readonly string[] = []
  const folder = mkdtempSync(join(tmpdir(), 'smi-install-'))

  before(async () => {
    cluster = await startCluster({ name: 'test-install', level: 'api' })
    ;({ helm, smictl } = installer(cluster.kubeconfig))
    await cluster.kubectl(['apply', '-f', '-'], JOINED)
    untouched = await everyObject(cluster)
  })
  after(async () => {
    operator?.kill('SIGKILL')
    rmSync(folder, { recursive: true })
    await cluster?.stop()
  })

  const bundles = async () => {
    const definition = ['get', 'crd', 'trafficsplits.split.smi-spec.io', '-o', 'json']
    const webhooks = ['get', 'mutatingwebhookconfiguration', 'smi-mesh', '-o', 'json']
    const texts = await Promise.all([definition, webhooks].map(words => cluster.kubectl(words)))
    return texts.flatMap(text => [...text.matchAll(/"caBundle": "([^"]+)"/g)].map(([, bundle = '']) => bundle))
  }
  const allowed = async (verb: string, what: string, namespace: string) => {
    const words = ['auth', 'can-i', verb, ...what.split(' '), '--as', ACCOUNT, '--namespace', namespace]
    return cluster.kubectl(words).then(
      answer => answer.trim() === 'yes',
      () => false,
    )
  }

  /** The operator as the chart has it run; resolves with its arguments. */
  const start = async (): Promise<readonly string[]> => {
    const deployment = ['get', 'deployment', 'smi-mesh', '--namespace', 'smi-mesh', '-o', 'json']
    const { args } = JSON.parse(await cluster.kubectl(deployment)).spec.template.spec.containers[0]
    const kubeconfig = await accountOf(cluster, folder)
    const words = [join(CHECKOUT, 'operator/src/main.ts'), ...args, '--kubeconfig', kubeconfig]
    const env = { ...process.env, POD_NAME: 'smi-mesh-1', POD_NAMESPACE: 'smi-mesh' }
    log = ''
    operator = cluster.inNode(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'], env })
    operator.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text
    })
    return args
  }
  const end = async () => {
    operator?.kill('SIGTERM')
    await until('the operator has ended', async () => operator?.exitCode !== null)
  }
  /** Counts as ready, so that a Service names it. */
  const isReady = async () => {
    const asked = cluster.inNode('curl', ['-sf', `http://${NODE}:15014/readyz`], { stdio: 'ignore' })
    const [status] = await once(asked, 'exit')
    return status === 0
  }

  test('may be installed, says smictl, before there is one', async () => {
    assert.doesNotMatch((await smictl('check', '--pre')).said, /^[✗!]/m)
  })

  test('is made of manifests that an API server takes strictly and without a warning', async () => {
    const { said } = await smictl('install', '--print')
    await cluster.kubectl(['create', 'namespace', 'smi-mesh'])
    const standard = 'pod-security.kubernetes.io/warn=restricted' // the strictest there is
    await cluster.kubectl(['label', 'namespace', 'smi-mesh', standard])
    const strictly = [
      'apply',
      '--server-side',
      '--dry-run=server',
      '--validate=strict',
      '--warnings-as-errors',
      '-f',
      '-',
    ]
    await cluster.kubectl(strictly, said)
    await cluster.kubectl(['delete', 'namespace', 'smi-mesh'])
  })

  test('is installed by smictl, which says what is still missing', async () => {
    const { said, status } = await smictl('install', '--wait', '1s', '--set', 'mesh.access=audit')
    assert.equal(status, 1, said)
    assert.match(said, /✗ the operator is ready/)
  })

  test('is well once the operator runs as the chart has it run, as far as smictl can see', async () => {
    assert.ok((await start()).includes('--access=audit'))
    await until('the operator has published its roots', async () => {
      assert.equal(operator?.exitCode, null, log)
      return (await bundles()).length === 4
    })
    await takenForReady(cluster)
    await until('smictl finds nothing wrong', async () => {
      const { said, status } = await smictl('check')
      const faults = said.match(/^[!✗-].*\n.*/m)
      return status === 0 && faults === null ? true : (faults?.[0] ?? said)
    })
  })

  test('lets its account do all that the operator does', async () => {
    await cluster.kubectl(['apply', '-f', '-'], SPLIT)
    await until('the split has its conditions', async () => {
      const text = await cluster.kubectl([
        '-n',
        'shop',
        'get',
        'trafficsplit.v1alpha2.split.smi-spec.io',
        'canary',
        '-o',
        'json',
      ])
      return JSON.parse(text).status?.conditions?.length === 3
    })
    const pod = JSON.parse(await cluster.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], POD))
    assert.deepEqual(
      pod.spec.initContainers.map(({ name }: { name: string }) => name),
      ['smi-mesh-init', 'smi-mesh-proxy'],
    )
    for (const [verb, what, namespace] of MAY) assert.ok(await allowed(verb, what, namespace), `${verb} ${what}`)
    assert.doesNotMatch(log, /403|forbidden/i)
  })

  test('lets its account do nothing else that would matter', async () => {
    for (const [verb, what, namespace] of MAY_NOT) assert.ok(!(await allowed(verb, what, namespace)), `${verb} ${what}`)
    const applied = (name: string) =>
      cluster.kubectl(['apply', '--server-side', '--as', ACCOUNT, '-f', '-'], configMap(name))
    await applied('smi-mesh-trust')
    await assert.rejects(applied('settings'), /forbidden/i)
  })

  test('does not hold up pods of its own namespace, or of kube-system', async () => {
    for (const namespace of ['kube-system', 'smi-mesh']) {
      await cluster.kubectl(['label', 'namespace', namespace, 'smi-mesh.dev/inject=enabled'])
      const text = await cluster.kubectl(
        ['create', '--dry-run=server', '-o', 'json', '-n', namespace, '-f', '-'],
        BARE_POD,
      )
      assert.equal(JSON.parse(text).spec.initContainers, undefined, namespace)
      await cluster.kubectl(['label', 'namespace', namespace, 'smi-mesh.dev/inject-'])
    }
  })

  test('keeps the roots that the operator wrote, through upgrades and back', async () => {
    const written = await bundles()
    await helm('upgrade', 'smi-mesh', CHART, '--reset-then-reuse-values', '--set', 'operator.replicas=3')
    assert.deepEqual(await bundles(), written)
    await helm('upgrade', 'smi-mesh', CHART, '--reset-then-reuse-values', '--server-side=false')
    assert.deepEqual(await bundles(), written)
    await helm('rollback', 'smi-mesh', '1')
    assert.deepEqual(await bundles(), written)
  })

  test('begins where objects are kept in an older version, which only it can convert', async () => {
    const definition = ['crd', 'trafficsplits.split.smi-spec.io']
    const { spec } = JSON.parse(await cluster.kubectl(['get', ...definition, '-o', 'json']))
    const rewritten = (change: object) =>
      cluster.kubectl(['patch', ...definition, '--type=merge', '-p', JSON.stringify({ spec: { ...spec, ...change } })])
    const storing = (version: string) =>
      spec.versions.map((one: { readonly name: string }) => ({ ...one, storage: one.name === version }))
    await rewritten({ conversion: { strategy: 'None', webhook: null }, versions: storing('v1alpha2') })
    await cluster.kubectl(['apply', '-f', '-'], SPLIT.replace('v1alpha1', 'v1alpha2').replace('canary', 'kept'))
    await end()
    await rewritten({ conversion: spec.conversion, versions: storing('v1alpha4') })
    const kept = () =>
      cluster.kubectl(['-n', 'shop', 'get', 'trafficsplit.v1alpha4.split.smi-spec.io', 'kept', '-o', 'json'])
    await assert.rejects(kept(), /conversion webhook for .* failed/)
    await cluster.kubectl(['delete', 'endpointslice', '--all', '-n', 'smi-mesh'])
    await start()
    await until('it counts as ready, so that it is asked', isReady)
    await cluster.kubectl(['apply', '-f', '-'], ENDPOINTS)
    await until('the object has its conditions', async () =>
      kept().then(
        text => JSON.parse(text).status?.conditions?.length === 3,
        () => false,
      ),
    )
    await until('it serves', async () => /event=serving/.test(log))
    await cluster.kubectl(['-n', 'shop', 'delete', 'trafficsplit', 'kept'])
  })

  test('gives the namespaces their roots again after its webhook configuration was deleted and made anew', async () => {
    const at = ['-n', 'shop', 'get', 'configmap', 'smi-mesh-trust', '-o', 'json']
    const ownerOf = async () => JSON.parse(await cluster.kubectl(at)).metadata.ownerReferences[0].uid
    const before = await ownerOf()
    await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', 'smi-mesh'])
    await helm('upgrade', 'smi-mesh', CHART, '--reset-then-reuse-values')
    await until('another object owns them', async () =>
      ownerOf().then(
        uid => uid !== before,
        () => false,
      ),
    )
  })

  test('goes, and leaves what users wrote, with what that needs', async () => {
    await end()
    const { said, status } = await smictl('uninstall')
    assert.equal(status, 0, said)
    const definitions = (await cluster.kubectl(['get', 'crd', '-o', 'name'])).split('\n').filter(Boolean)
    assert.equal(definitions.length, 6)
    const left = [
      ...definitions.map(name => `CustomResourceDefinition /${name.replace(/.*\//, '')}`),
      'ConfigMap smi-mesh/kube-root-ca.crt',
      'EndpointSlice smi-mesh/smi-mesh-test',
      'Namespace /smi-mesh',
      'ServiceAccount smi-mesh/default',
      'TrafficSplit shop/canary',
    ]
    await becomes([...untouched, ...left].sort())
  })

  test('leaves nothing behind where it is asked not to', async () => {
    await smictl('uninstall', '--crds', '--remove-namespace')
    await becomes(untouched)
    assert.match((await smictl('uninstall', '--crds')).said, /nothing of a mesh/)
  })

  /** Dependents and namespaces go in their own time. */
  const becomes = (expected: readonly string[]) => until('all is as expected', () => isAll(cluster, expected))
})

/** Verb, resource or resource/name as kubectl takes them (a subresource is an option: after a slash it would be a name), namespace. */
const MAY: readonly (readonly [string, string, string])[] = [
  ['create', 'tokenreviews', ''],
  ['watch', 'pods', 'shop'],
  ['watch', 'endpointslices', 'shop'],
  ['create', 'events', 'shop'],
  ['patch', 'configmaps/smi-mesh-trust', 'shop'],
  ['patch', 'replicasets.apps --subresource=status', 'shop'],
  ['patch', 'statefulsets.apps --subresource=status', 'shop'],
  ['patch', 'daemonsets.apps --subresource=status', 'shop'],
  ['create', 'configmaps/smi-mesh-refusals', 'smi-mesh'],
  ['patch', 'configmaps/smi-mesh-refusals', 'smi-mesh'],
  ['update', 'secrets/smi-mesh-authority', 'smi-mesh'],
  ['update', 'leases/smi-mesh', 'smi-mesh'],
]

const MAY_NOT: readonly (readonly [string, string, string])[] = [
  ['get', 'secrets', 'shop'],
  ['list', 'secrets', 'smi-mesh'],
  ['get', 'secrets/other', 'smi-mesh'],
  ['delete', 'secrets/smi-mesh-authority', 'smi-mesh'],
  ['get', 'secrets/smi-mesh-authority', 'shop'],
  ['create', 'secrets', 'shop'],
  ['create', 'pods', 'shop'],
  ['create', 'pods', 'smi-mesh'],
  ['delete', 'pods', 'shop'],
  ['create', 'pods --subresource=exec', 'shop'],
  ['get', 'pods --subresource=log', 'shop'],
  ['patch', 'deployments.apps', 'shop'],
  ['patch', 'deployments.apps --subresource=status', 'shop'],
  ['patch', 'replicasets.apps', 'shop'],
  ['update', 'replicasets.apps', 'shop'],
  ['patch', 'events', 'shop'],
  ['list', 'configmaps', 'shop'],
  ['patch', 'configmaps/settings', 'shop'],
  ['delete', 'configmaps/smi-mesh-refusals', 'smi-mesh'],
  ['create', 'configmaps', 'smi-mesh'],
  ['delete', 'configmaps/smi-mesh-trust', 'shop'],
  ['update', 'trafficsplits.split.smi-spec.io', 'shop'],
  ['delete', 'trafficsplits.split.smi-spec.io', 'shop'],
  ['create', 'customresourcedefinitions', ''],
  ['delete', 'customresourcedefinitions/trafficsplits.split.smi-spec.io', ''],
  ['patch', 'customresourcedefinitions/others.example.com', ''],
  ['create', 'mutatingwebhookconfigurations', ''],
  ['patch', 'mutatingwebhookconfigurations/other', ''],
  ['update', 'leases/other', 'smi-mesh'],
  ['get', 'leases/smi-mesh', 'kube-system'],
  ['create', 'serviceaccounts --subresource=token', 'smi-mesh'],
  ['impersonate', 'users', ''],
  ['create', 'clusterrolebindings', ''],
  ['get', 'nodes', ''],
]

const JOINED = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {smi-mesh.dev/inject: enabled}}
`
const SPLIT = `
apiVersion: split.smi-spec.io/v1alpha1
kind: TrafficSplit
metadata: {name: canary, namespace: shop}
spec: {service: web, backends: [{service: web, weight: "1"}]}
`
const BARE_POD = `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web}]}
`
const POD = BARE_POD.replace('{name: web}', '{name: web, namespace: shop}')
const configMap = (name: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}, namespace: shop}
`

/** A kubeconfig of the operator's own account, for a process in the network of the node. */
async function accountOf(cluster: Cluster, folder: string): Promise<string> {
  const token = (await cluster.kubectl(['create', 'token', 'smi-mesh', '--namespace', 'smi-mesh'])).trim()
  const view = ['config', 'view', '--raw', '-o', 'json']
  const [{ cluster: server }] = JSON.parse(await cluster.kubectl(view)).clusters
  const path = join(folder, 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'here', cluster: { ...server, server: `https://${NODE}:6443` } }],
    users: [{ name: 'operator', user: { token } }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'operator' } }],
    'current-context': 'here',
  }
  writeFileSync(path, JSON.stringify(config))
  return path
}

/** No kubelet runs its pods, so it is said for them that they run where the operator does. */
async function takenForReady(cluster: Cluster): Promise<void> {
  const within = ['--namespace', 'smi-mesh']
  const pods = (await cluster.kubectl(['get', 'pods', '-o', 'name', ...within])).split('\n').filter(Boolean)
  const conditions = ['Ready', 'ContainersReady'].map(type => ({ type, status: 'True' }))
  const status = { phase: 'Running', podIP: NODE, podIPs: [{ ip: NODE }], conditions }
  for (const pod of pods) {
    await cluster.kubectl(['patch', pod, ...within, '--subresource=status', '-p', JSON.stringify({ status })])
  }
  await cluster.kubectl(['apply', '-f', '-'], ENDPOINTS)
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { KINDS } from '@smi-mesh/smi-crds'
import { fieldsOf } from '../facts/read.ts'
import { Authority } from '../identity/index.ts'
import { MeshError } from '../mesh-error.ts'
import { exitCodeOf, renderChecked, runChecks } from './check.ts'
import { CHECKS, type Check } from './checks.ts'
import type { Looking, Outcome } from './look.ts'
import { clusterOf } from './testdata/cluster-of.ts'

const NOW = Date.parse('2030-01-01T00:00:00Z')
const DAY_MS = 86_400_000

/** What the check under this heading says. */
async function said(
  anchor: string,
  api: Looking['api'],
  clock = NOW,
): Promise<{ readonly kind: Outcome['kind']; readonly message: string }> {
  const check = CHECKS.find(one => one.anchor === anchor)
  assert.ok(check !== undefined, anchor)
  const looking = { api, namespace: 'smi-mesh', clock: () => clock, signal: new AbortController().signal }
  const [checked] = await runChecks([check], looking)
  return { kind: checked?.outcome ?? 'failed', message: checked?.message ?? '' }
}

const object = (kind: string, name: string, namespace = '', more: object = {}, marks: object = {}) => ({
  kind,
  metadata: { name, ...(namespace === '' ? {} : { namespace }), ...marks },
  ...more,
})
const pem = await rootOfAYear()
const caBundle = Buffer.from(pem).toString('base64')
const webhooks = (bundle: string) =>
  object('MutatingWebhookConfiguration', 'smi-mesh', '', { webhooks: [{ clientConfig: { caBundle: bundle } }] })
const joined = (name: string) => object('Namespace', name, '', {}, { labels: { 'smi-mesh.dev/inject': 'enabled' } })
const rootsIn = (namespace: string, text: string) =>
  object('ConfigMap', 'smi-mesh-trust', namespace, { data: { 'roots.pem': text } })
const pod = (name: string, marks: object, spec: object = {}) =>
  object('Pod', name, 'shop', { spec, status: { phase: 'Running' } }, marks)

async function rootOfAYear(): Promise<string> {
  const store = { load: async () => undefined, create: async () => true, replace: async () => {} }
  const authority = await Authority.open({ trustDomain: 'cluster.local', store, now: () => NOW })
  return authority.bundle().roots.join('')
}

describe('smictl check', () => {
  it('has a heading for each of its checks in the guide, and no other under that title', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/guides/operations.md'), 'utf8')
    const [, part = ''] = /^## What `smictl check` says$([\s\S]*?)^## /m.exec(page) ?? []
    const anchors = [...part.matchAll(/^### (.*)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(' ', '-'))
    assert.deepEqual(
      anchors,
      CHECKS.map(({ anchor }) => anchor),
    )
  })

  it('says nothing of a mesh that nobody can be asked about', async () => {
    const silent = clusterOf([], {
      version: async () => {
        throw new MeshError('ApiUnreachable', 'The API server did not answer.')
      },
    })
    const looking = { api: silent, namespace: 'smi-mesh', clock: () => NOW, signal: new AbortController().signal }
    const checked = await runChecks(CHECKS, looking)
    assert.deepEqual(
      checked.map(({ outcome }) => outcome),
      ['failed'],
    )
    assert.equal(exitCodeOf(checked), 3)
    assert.match(renderChecked(checked), /did not answer.\n {4}see docs\/guides\/operations.md#api-server/)
  })

  it('answers 0 to warnings and 1 to what fails', async () => {
    const outcomes = (...kinds: readonly ('fine' | 'warning' | 'failed')[]) =>
      kinds.map((kind, index): Check => {
        const look = async (): Promise<Outcome> => (kind === 'fine' ? { kind } : { kind, message: 'So.' })
        return { anchor: 'a', name: String(index), stage: 'mesh', look }
      })
    const looking = { api: clusterOf([]), namespace: '', clock: () => NOW, signal: new AbortController().signal }
    assert.equal(exitCodeOf(await runChecks(outcomes('fine', 'warning'), looking)), 0)
    assert.equal(exitCodeOf(await runChecks(outcomes('fine', 'failed', 'fine'), looking)), 1)
  })

  for (const [minor, kind] of [
    ['28', 'failed'],
    ['29+', 'fine'],
    ['36', 'fine'],
  ] as const) {
    it(`takes Kubernetes 1.${minor} for ${kind}`, async () => {
      const api = clusterOf([], { version: async () => ({ major: '1', minor, gitVersion: `v1.${minor}` }) })
      assert.equal((await said('version', api)).kind, kind)
    })
  }

  it('names what may not be created', async () => {
    const api = clusterOf([], {
      postReview: async (_resource, spec) => ({ allowed: !JSON.stringify(spec).includes('clusterroles') }),
    })
    const { kind, message } = await said('permissions', api)
    assert.equal(kind, 'failed')
    assert.match(message, /may not create clusterroles\./)
  })

  it('sees a network that replaces the addresses of Services before a proxy sees them', async () => {
    const cilium = (data: object) => clusterOf([object('ConfigMap', 'cilium-config', 'kube-system', { data })])
    const kindOf = async (api: Looking['api']) => (await said('service-addresses', api)).kind
    assert.equal(await kindOf(clusterOf([])), 'fine')
    assert.equal(await kindOf(cilium({ 'kube-proxy-replacement': 'false' })), 'fine')
    assert.equal(await kindOf(cilium({ 'kube-proxy-replacement': 'true' })), 'warning')
    assert.equal(await kindOf(cilium({ 'bpf-lb-sock': 'true' })), 'warning')
    assert.equal(await kindOf(cilium({ 'bpf-lb-sock': 'true', 'bpf-lb-sock-hostns-only': 'true' })), 'fine')
    const forbidden = clusterOf([], {
      get: async () => {
        throw new MeshError('ApiForbidden', 'You may not.')
      },
    })
    assert.equal(await kindOf(forbidden), 'skipped')
  })

  it('sees a node whose clock is ahead', async () => {
    const lease = (renewTime: number) =>
      object('Lease', 'node-1', 'kube-node-lease', { spec: { renewTime: new Date(renewTime).toISOString() } })
    assert.equal((await said('clocks', clusterOf([lease(NOW - 5_000)]))).kind, 'fine')
    assert.equal((await said('clocks', clusterOf([lease(NOW + 90_000)]))).kind, 'warning')
    assert.equal((await said('clocks', clusterOf([lease(NOW - 90_000)]))).kind, 'warning')
  })

  it('sees definitions that somebody else has made', async () => {
    const name = 'trafficsplits.split.smi-spec.io'
    const ours = object(
      'CustomResourceDefinition',
      name,
      '',
      {},
      { labels: { 'app.kubernetes.io/part-of': 'smi-mesh' } },
    )
    assert.equal((await said('foreign-definitions', clusterOf([ours]))).kind, 'fine')
    const outcome = await said('foreign-definitions', clusterOf([object('CustomResourceDefinition', name)]))
    assert.equal(outcome.kind, 'warning')
    assert.match(JSON.stringify(outcome), /--take-ownership/)
  })

  it('names a version of a kind that is not served', async () => {
    const served = async (group: string) => {
      const versions = ['v1alpha1', 'v1alpha2', 'v1alpha3', 'v1alpha4']
      const plurals = KINDS.filter(kind => kind.group === group).map(({ plural }) => plural)
      return versions.map(version => ({ version, plurals: version === 'v1alpha2' ? [] : plurals }))
    }
    const { kind, message } = await said('definitions', clusterOf([], { served }))
    assert.equal(kind, 'failed')
    assert.match(message, /trafficsplits\.split\.smi-spec\.io\/v1alpha2/)
    assert.doesNotMatch(message, /udproutes/)
  })

  it('does not take pods from before a rollout for those that follow them', async () => {
    const saidOf = async (status: object) => {
      const marks = { generation: 3 }
      const deployment = object('Deployment', 'smi-mesh', 'smi-mesh', { spec: { replicas: 1 }, status }, marks)
      return await said('rollout', clusterOf([deployment]))
    }
    const over = { observedGeneration: 3, replicas: 1, readyReplicas: 1, availableReplicas: 1, updatedReplicas: 1 }
    assert.equal((await saidOf(over)).kind, 'fine')
    for (const [what, status] of Object.entries({
      'nobody has looked at it': { ...over, observedGeneration: 2 },
      'the new one cannot begin': { ...over, replicas: 2 },
      'the new one is not ready': { ...over, availableReplicas: 0 },
      'there is no new one': { ...over, updatedReplicas: undefined },
    }))
      assert.equal((await saidOf(status)).kind, 'failed', what)
  })

  it('names labels and annotations of namespaces that mean nothing', async () => {
    const typing = object('Namespace', 'typing', '', {}, { labels: { 'smi-mesh.dev/inject': 'true' } })
    const shouting = object('Namespace', 'shouting', '', {}, { annotations: { 'smi-mesh.dev/access': 'Audit' } })
    assert.equal((await said('namespaces', clusterOf([joined('shop')]))).kind, 'fine')
    const found = JSON.stringify(await said('namespaces', clusterOf([joined('shop'), typing, shouting])))
    assert.match(found, /warning.*typing: Label smi-mesh.dev\/inject: .*true.*shouting: .*access is .*Audit.*enforce/)
  })

  it('names objects of SMI that are not in force, and counts the rest', async () => {
    const split = (name: string, status: string) => {
      const conditions = [
        { type: 'ResolvedRefs', status, reason: status === 'True' ? 'ResolvedRefs' : 'BackendNotFound' },
      ]
      return object('TrafficSplit', name, 'shop', { status: { conditions } })
    }
    const fine = split('fine', 'True')
    assert.deepEqual(await said('objects', clusterOf([fine])), { kind: 'fine', message: '1 objects' })
    const broken = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => split(name, 'False'))
    const found = JSON.stringify(await said('objects', clusterOf([fine, ...broken])))
    assert.match(found, /warning.*TrafficSplit shop\/a \(BackendNotFound\), .*shop\/e \(BackendNotFound\) and 1 more/)
  })

  it('says why the operator is not ready', async () => {
    const deployment = (readyReplicas: number) =>
      object('Deployment', 'smi-mesh', 'smi-mesh', {
        spec: { replicas: 2 },
        status: { readyReplicas, updatedReplicas: 2 },
      })
    const stuck = object(
      'Pod',
      'smi-mesh-1',
      'smi-mesh',
      { status: { containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff' } } }] } },
      { labels: { 'app.kubernetes.io/name': 'smi-mesh', 'app.kubernetes.io/component': 'operator' } },
    )
    assert.equal((await said('operator', clusterOf([deployment(2)]))).kind, 'fine')
    assert.equal((await said('operator', clusterOf([deployment(1)]))).kind, 'warning')
    assert.match(JSON.stringify(await said('operator', clusterOf([deployment(0), stuck]))), /failed.*ImagePullBackOff/)
    assert.match(JSON.stringify(await said('operator', clusterOf([]))), /failed.*smictl install/)
    const nobody = object('Deployment', 'smi-mesh', 'smi-mesh', { spec: { replicas: 0 }, status: {} })
    assert.match(JSON.stringify(await said('operator', clusterOf([nobody]))), /failed.*no replica.*--replicas=2/)
  })

  it('sees that nobody leads', async () => {
    const lease = (holderIdentity: string, at: number) =>
      object('Lease', 'smi-mesh', 'smi-mesh', { spec: { holderIdentity, renewTime: new Date(at).toISOString() } })
    assert.equal((await said('leader', clusterOf([lease('a', NOW - 2_000)]))).kind, 'fine')
    assert.equal((await said('leader', clusterOf([lease('', NOW)]))).kind, 'failed')
    assert.equal((await said('leader', clusterOf([lease('a', NOW - 60_000)]))).kind, 'failed')
    assert.equal((await said('leader', clusterOf([object('Lease', 'smi-mesh', 'smi-mesh')]))).kind, 'failed')
  })

  it('sees that the Secret of the authority is gone, its own or that of others, and reads none', async () => {
    const deployment = (volumes: readonly object[]) =>
      object('Deployment', 'smi-mesh', 'smi-mesh', { spec: { template: { spec: { volumes } } } })
    const having = (volumes: readonly object[], name: string) =>
      clusterOf([deployment(volumes)], {
        create: async (resource, made, options) => {
          assert.deepEqual([resource.plural, options?.dryRun], ['secrets', true])
          if (fieldsOf(made['metadata'])['name'] === name) throw new MeshError('ApiConflict', 'It exists.')
          return made
        },
      })
    const others = [{ name: 'authority', secret: { secretName: 'of-others' } }]
    assert.equal((await said('authority', having([], 'smi-mesh-authority'))).kind, 'fine')
    assert.equal((await said('authority', having(others, 'of-others'))).kind, 'fine')
    assert.match(
      JSON.stringify(await said('authority', having([], ''))),
      /failed.*smi-mesh\/smi-mesh-authority is gone/,
    )
    assert.match(
      JSON.stringify(await said('authority', having(others, 'smi-mesh-authority'))),
      /failed.*smi-mesh\/of-others is gone/,
    )
    const forbidden = clusterOf([deployment([])], {
      create: async () => {
        throw new MeshError('ApiForbidden', 'You may not.')
      },
    })
    assert.equal((await said('authority', forbidden)).kind, 'skipped')
  })

  it('compares the roots of definitions with those of the webhooks', async () => {
    const definitions = (bundle: string) =>
      KINDS.map(({ plural, group }) =>
        object('CustomResourceDefinition', `${plural}.${group}`, '', {
          spec: { conversion: { webhook: { clientConfig: { caBundle: bundle } } } },
        }),
      )
    assert.equal((await said('webhook-roots', clusterOf([webhooks(caBundle), ...definitions(caBundle)]))).kind, 'fine')
    assert.equal((await said('webhook-roots', clusterOf([webhooks(caBundle), ...definitions('')]))).kind, 'warning')
    assert.equal((await said('webhook-roots', clusterOf([webhooks(''), ...definitions('')]))).kind, 'failed')
  })

  it('asks the webhooks through the API server, and tells silence from refusal', async () => {
    const refused = (message: string) => new MeshError('ApiRefused', message)
    const answering = (conversion: MeshError | undefined, validation: MeshError | undefined) =>
      clusterOf([], {
        create: async (resource, created, options) => {
          assert.equal(options?.dryRun, true, 'nothing is to be kept')
          const error = resource.version === 'v1alpha1' ? conversion : validation
          if (error !== undefined) throw error
          return created
        },
      })
    const denied = refused('admission webhook "smi.smi-mesh.dev" denied the request')
    assert.equal((await said('webhooks', answering(undefined, denied))).kind, 'fine')
    assert.equal((await said('webhooks', answering(undefined, undefined))).kind, 'warning')
    const unknown = new MeshError('ApiFailed', 'conversion webhook failed: x509: unknown authority')
    assert.match(JSON.stringify(await said('webhooks', answering(unknown, denied))), /failed.*x509/)
  })

  it('warns of a root that nobody followed by another', async () => {
    const api = clusterOf([webhooks(caBundle)])
    assert.equal((await said('roots', api)).kind, 'fine')
    assert.equal((await said('roots', api, NOW + 320 * DAY_MS)).kind, 'warning')
    assert.match(JSON.stringify(await said('roots', api, NOW + 400 * DAY_MS)), /failed.*expired/)
  })

  it('names namespaces of the mesh that lack its roots', async () => {
    const scene = [webhooks(caBundle), joined('shop'), joined('bank'), rootsIn('shop', pem)]
    assert.match(JSON.stringify(await said('trust', clusterOf(scene))), /failed.*old in bank;/)
    assert.match(JSON.stringify(await said('trust', clusterOf([...scene, rootsIn('bank', 'old')]))), /old in bank;/)
    const all = [...scene, rootsIn('bank', pem)]
    assert.equal((await said('trust', clusterOf(all))).kind, 'fine')
    const alone = object('Pod', 'a', 'attic', {}, { annotations: { 'smi-mesh.dev/status': 'injected' } })
    assert.match(JSON.stringify(await said('trust', clusterOf([...all, alone]))), /old in attic;/)
  })

  it('names pods that the mesh does not hold, and leaves alone those that want it so', async () => {
    const proxied = pod('a', { annotations: { 'smi-mesh.dev/status': 'injected' } })
    const out = pod('b', { labels: { 'smi-mesh.dev/inject': 'disabled' } })
    const host = pod('c', {}, { hostNetwork: true })
    const elsewhere = object('Pod', 'd', 'other', { status: { phase: 'Running' } })
    const scene = [joined('shop'), proxied, out, host, elsewhere]
    assert.equal((await said('pods-without-a-proxy', clusterOf(scene))).kind, 'fine')
    assert.match(JSON.stringify(await said('pods-without-a-proxy', clusterOf([...scene, pod('e', {})]))), /Pod shop\/e/)
  })

  describe('in a namespace labelled for Open Service Mesh', () => {
    const labels = { 'openservicemesh.io/monitored-by': 'osm' }
    const scene = [object('Namespace', 'shop', '', {}, { labels }), pod('a', {})]
    const asking = (...names: readonly string[]) =>
      object('MutatingWebhookConfiguration', 'smi-mesh', '', {
        webhooks: names.map(name => ({ name, clientConfig: { caBundle } })),
      })
    const ours = asking('pods.smi-mesh.dev')
    const both = asking('pods.smi-mesh.dev', 'osm-pods.smi-mesh.dev')
    const kindOf = async (anchor: string, api: Looking['api']) => (await said(anchor, api)).kind

    it('names pods without a proxy only where the webhooks of the cluster ask for such pods', async () => {
      assert.equal(await kindOf('pods-without-a-proxy', clusterOf([...scene, both])), 'warning')
      assert.equal(await kindOf('pods-without-a-proxy', clusterOf([...scene, ours])), 'fine')
    })

    it('misses the roots of the mesh only where the webhooks of the cluster ask for such pods', async () => {
      assert.equal(await kindOf('trust', clusterOf([...scene, both])), 'failed')
      assert.equal(await kindOf('trust', clusterOf([...scene, ours])), 'fine')
    })

    it('takes the webhook to be there where there are none to be seen, or not by this user', async () => {
      const forbidden = clusterOf([...scene, ours], {
        get: async () => {
          throw new MeshError('ApiForbidden', 'You may not.')
        },
      })
      assert.equal(await kindOf('pods-without-a-proxy', forbidden), 'warning')
      assert.equal(await kindOf('pods-without-a-proxy', clusterOf(scene)), 'warning')
    })
  })

  it('adds up what all replicas say of their proxies', async () => {
    const operatorLabels = { 'app.kubernetes.io/name': 'smi-mesh', 'app.kubernetes.io/component': 'operator' }
    const replica = (name: string) =>
      object('Pod', name, 'smi-mesh', { status: { phase: 'Running' } }, { labels: operatorLabels })
    const proxied = (name: string) => pod(name, { annotations: { 'smi-mesh.dev/status': 'injected' } })
    const asked = (late: number, refused: number) =>
      clusterOf([replica('one'), replica('two'), proxied('a'), proxied('b')], {
        fromPod: async () =>
          `# HELP\nsmi_xds_streams 1\nsmi_xds_lagging_streams ${late}\nsmi_compile_findings{reason="ProxyRejected"} ${refused}\n`,
      })
    assert.deepEqual(await said('lagging-proxies', asked(0, 0)), { kind: 'fine', message: '2 connected' })
    assert.match(JSON.stringify(await said('lagging-proxies', asked(1, 0))), /warning.*2 of 2 proxies/)
    assert.equal((await said('refused-configuration', asked(0, 0))).kind, 'fine')
    assert.match(JSON.stringify(await said('refused-configuration', asked(0, 3))), /failed.*What 3 objects say/)
  })

  it('names pods with proxies of another version', async () => {
    const operatorPod = object(
      'Pod',
      'one',
      'smi-mesh',
      { spec: { containers: [{ name: 'operator', image: 'host:5000/smi-mesh/operator:0.2.0' }] } },
      { labels: { 'app.kubernetes.io/name': 'smi-mesh', 'app.kubernetes.io/component': 'operator' } },
    )
    const proxied = (image: string) => pod('a', {}, { initContainers: [{ name: 'smi-mesh-proxy', image }] })
    const same = clusterOf([operatorPod, proxied('other/proxy:0.2.0')])
    assert.deepEqual(await said('older-proxies', same), { kind: 'fine', message: '0.2.0' })
    assert.equal((await said('older-proxies', clusterOf([operatorPod, proxied('x/proxy:0.1.0')]))).kind, 'warning')
  })

  it('says what it was not allowed to look at', async () => {
    const api = clusterOf([], {
      // biome-ignore lint/correctness/useYield: it never comes so far
      list: async function* () {
        throw new MeshError('ApiForbidden', 'no')
      },
    })
    for (const anchor of ['clocks', 'another-mesh', 'pods-without-a-proxy', 'lagging-proxies', 'older-proxies']) {
      assert.equal((await said(anchor, api)).kind, 'skipped', anchor)
    }
  })
})

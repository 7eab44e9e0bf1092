/**
 * The kubelet's own probes of pods in the mesh, over HTTP, HTTPS, gRPC and TCP, under `enforce` and with traffic: they say what the
 * application says, a pod that is not ready is asked nothing more, and one that is not alive is started again.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Cluster, outputOf, startCluster } from './harness/cluster.ts'
import { CHECKOUT, installMesh } from './harness/installer.ts'
import { LoadFollower, loadManifest } from './harness/load.ts'
import { until } from './harness/until.ts'

const READINESS = {
  http: { httpGet: { port: 'http', path: '/healthz' } },
  https: { httpGet: { port: 'tls', path: '/healthz', scheme: 'HTTPS', httpHeaders: [{ name: 'Host', value: 'app' }] } },
  grpc: { grpc: { port: 9000, service: 'web' } },
  tcp: { tcpSocket: { port: 'bytes' } },
} as const
const KINDS = ['http', 'https', 'grpc', 'tcp'] as const
type Kind = (typeof KINDS)[number]

describe('probes of pods in the mesh', { timeout: 600_000 }, () => {
  let cluster: Cluster
  let load: LoadFollower

  before(async () => {
    cluster = await startCluster({ name: 'test-probes', level: 'full' })
    await installMesh(cluster.kubeconfig, 120)
    await cluster.kubectl(['apply', '-f', '-'], SHOP)
    await cluster.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects() }))
    await cluster.kubectl(['apply', '-f', '-'], loadManifest('shop', 'http://probed/', 40))
    await inShop('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=120s')
    const client = await inShop('get', 'pods', '-l', 'app=load', '-o', 'jsonpath={.items[0].metadata.name}')
    load = new LoadFollower(cluster.kubeconfig, 'shop', client)
    await until('all are asked', async () => Object.keys(load.seen.lately).length === 2 * KINDS.length)
  })
  after(async () => {
    load?.stop()
    await cluster?.stop()
  })

  const inShop = (...words: readonly string[]) => cluster.kubectl(['-n', 'shop', ...words])
  const make = (kind: Kind, pod: string, state: 'broken' | 'whole') => {
    const ask = `await fetch('http://127.0.0.1:9099/${state}/${kind}', { method: 'POST' })`
    return inShop('exec', pod, '-c', 'app', '--', 'node', '--input-type=module', '-e', ask)
  }
  const statusOf = async (pod: string) => JSON.parse(await inShop('get', 'pod', pod, '-o', 'json')).status
  const isReady = async (pod: string) => {
    const { conditions } = await statusOf(pod)
    return conditions.find(({ type }: Condition) => type === 'Ready').status === 'True'
  }

  test('are not the way around access control: nobody without an identity is let in where the kubelet is', async () => {
    const { podIP } = await statusOf('http')
    const asked = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-m', '5', `http://${podIP}:8080/healthz`]
    const stdio = ['ignore', 'pipe', 'pipe'] as const
    assert.equal(await outputOf(cluster.inNode('curl', asked, { stdio: [...stdio] })), '403')
  })

  for (const kind of KINDS) {
    test(`over ${kind} say when an application is not ready, and when it is again; meanwhile others are asked`, async t => {
      const { failed, sent } = load.seen
      const before = failed.length
      const began = performance.now()
      await make(kind, kind, 'broken')
      await until('it is not ready', async () => !(await isReady(kind)))
      t.diagnostic(`not ready after ${Math.round(performance.now() - began)} ms`)
      await until('it is asked nothing more', async () => !(kind in load.seen.lately))
      await make(kind, kind, 'whole')
      await until('it is ready again', () => isReady(kind))
      await until('it is asked again', async () => kind in load.seen.lately)
      assert.ok(load.seen.sent > sent)
      assert.deepEqual(load.seen.failed.slice(before), [])
    })
  }

  for (const kind of KINDS) {
    test(`over ${kind} have an application started again that is not alive`, async () => {
      const pod = `alive-${kind}`
      const restarts = async () => {
        const { containerStatuses } = await statusOf(pod)
        return containerStatuses.find(({ name }: Named) => name === 'app').restartCount
      }
      assert.equal(await restarts(), 0, 'it was well all the time')
      await make(kind, pod, 'broken')
      await until('it is started again', async () => (await restarts()) === 1)
      await until('it is ready again', () => isReady(pod))
    })
  }
})

interface Condition {
  readonly type: string
  readonly status: string
}

interface Named {
  readonly name: string
}

/** Of each kind a pod that may become unready, and one that may die. */
function objects(): readonly object[] {
  const often = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 3 }
  const pods = KINDS.flatMap(kind => [
    podOf(kind, { readinessProbe: { ...READINESS[kind], ...often } }),
    podOf(`alive-${kind}`, {
      startupProbe: { ...READINESS[kind], periodSeconds: 1, failureThreshold: 60 },
      livenessProbe: { ...READINESS[kind], ...often, failureThreshold: 2 },
    }),
  ])
  const program = readFileSync(join(CHECKOUT, 'conformance/app/probed.ts'), 'utf8')
  const metadata = { name: 'probed', namespace: 'shop' }
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'probed.ts': program } },
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: keyPair() },
    ...pods,
  ]
}

function podOf(name: string, probes: object): object {
  const ports = { http: 8080, tls: 8443, rpc: 9000, bytes: 7000 }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', labels: { app: 'probed' } },
    spec: {
      serviceAccountName: 'probed',
      containers: [
        {
          name: 'app',
          image: 'localhost/smi-mesh-test/echo:1',
          command: ['node', '/app/probed.ts'],
          env: [{ name: 'NAME', value: name }],
          ports: Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort })),
          ...probes,
          volumeMounts: [
            { name: 'app', mountPath: '/app' },
            { name: 'tls', mountPath: '/tls' },
          ],
        },
      ],
      volumes: [
        { name: 'app', configMap: { name: 'probed' } },
        { name: 'tls', secret: { secretName: 'probed' } },
      ],
    },
  }
}

/** Of nobody's authority: a kubelet does not look, and the proxy in its place must not either. */
function keyPair(): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'smi-probes-'))
  const files = ['tls.crt', 'tls.key'].map(name => join(folder, name))
  const [certificate = '', key = ''] = files
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=app']
  try {
    execFileSync('openssl', ['req', '-x509', ...made, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
    return { 'tls.crt': readFileSync(certificate, 'utf8'), 'tls.key': readFileSync(key, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const SHOP = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { smi-mesh.dev/inject: enabled } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: probed, namespace: shop }
---
apiVersion: v1
kind: Service
metadata: { name: probed, namespace: shop }
spec: { selector: { app: probed }, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: { name: load-to-probed, namespace: shop }
spec:
  destination: { kind: ServiceAccount, name: probed, namespace: shop }
  sources: [{ kind: ServiceAccount, name: load, namespace: shop }]
  rules: [{ kind: HTTPRouteGroup, name: all }]
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { name: all, namespace: shop }
spec: { matches: [{ name: all, pathRegex: .*, methods: ["*"] }] }
`

/** Forty pods at once on one real node, each with its proxy: all get ready, and nothing on the way is an error. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { installMesh } from './harness/mesh.ts'
import { until } from './harness/until.ts'

const PODS = 40
const needsNode = process.env['TEST_KUBECONFIG'] === undefined ? false : 'needs the images and the node of this machine'

describe('forty pods at once', { skip: needsNode, timeout: 800_000 }, () => {
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster({ name: 'test-scale-up', level: 'full' })
    await installMesh(cluster)
    await cluster.kubectl(['apply', '-f', '-'], APP)
    await ready(1)
  })
  after(() => cluster?.stop())

  const inShop = (...words: readonly string[]) => cluster.kubectl(['-n', 'shop', ...words])
  const pods = async (): Promise<readonly Pod[]> => JSON.parse(await inShop('get', 'pods', '-o', 'json')).items
  const ready = (count: number) =>
    until(
      `${count} pods are ready`,
      async () => {
        const found = (await pods()).filter(isReady).length
        return found === count || `${found} are`
      },
      count === 1 ? 150_000 : 420_000,
    )
  /** Webhooks of ours that the API server got no good answer from, by its own count. */
  const failedCalls = async () => {
    const text = await cluster.kubectl(['get', '--raw', '/metrics'])
    const counted = /^apiserver_admission_webhook_(?:rejection_count|fail_open_count)\{.*smi-mesh\.dev.*\} (\d+)$/gm
    return [...text.matchAll(counted)].filter(([, count]) => Number(count) > 0).map(([line]) => line)
  }

  test('are ready, each with its proxy, and none of them twice', async t => {
    const began = performance.now()
    await inShop('scale', 'deployment/web', `--replicas=${PODS}`)
    await ready(PODS)
    t.diagnostic(`${PODS - 1} more pods were ready after ${((performance.now() - began) / 1000).toFixed(1)} s`)
    const found = await pods()
    assert.equal(found.length, PODS, 'no pod was replaced')
    for (const { metadata, status } of found) {
      const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]
      assert.deepEqual(containers.map(({ name }) => name).sort(), ['app', 'smi-mesh-init', 'smi-mesh-proxy'])
      const restarted = containers.filter(({ restartCount }) => restartCount > 0).map(({ name }) => name)
      assert.deepEqual(restarted, [], `restarted in ${metadata.name}`)
    }
    t.diagnostic(`each by itself, from its creation: ${spread(found.map(secondsToReady))} s`)
  })

  test('and nothing went wrong on the way', async t => {
    const { items } = JSON.parse(await inShop('get', 'events', '-o', 'json')) as { readonly items: readonly Event[] }
    const warnings = items.filter(({ type }) => type !== 'Normal').map(({ reason, message }) => `${reason}: ${message}`)
    // A probe that is asked before its container listens says so; everything else would be a failure.
    const early = warnings.filter(text => /^Unhealthy: (?:Startup|Readiness) probe failed/.test(text))
    // An API server may be asked for a pod's token before it has heard itself where the pod runs; the kubelet asks again. It is
    // so for any pod, as the volume that Kubernetes adds to each shows.
    const tokens = warnings.filter(text => /^FailedMount: .* bound to a pod scheduled on a different node/.test(text))
    const failures = warnings.filter(text => !early.includes(text) && !tokens.includes(text))
    t.diagnostic(`${early.length} probes came early, ${tokens.length} tokens were asked for too early`)
    assert.ok(tokens.length === 0 || tokens.some(text => text.includes('"kube-api-access-')), 'pods of ours alone')
    assert.deepEqual(failures, [])
    assert.deepEqual(await failedCalls(), [])
    const log = await cluster.kubectl(['-n', 'smi-mesh', 'logs', 'deployment/smi-mesh'])
    assert.doesNotMatch(log, /level=(?:error|warn)/)
  })
})

interface ContainerStatus {
  readonly name: string
  readonly restartCount: number
}
interface Pod {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string }
  readonly status: {
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly lastTransitionTime: string
    }[]
    readonly initContainerStatuses?: readonly ContainerStatus[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
}
interface Event {
  readonly type: string
  readonly reason: string
  readonly message: string
}

function readyIn({ status }: Pod) {
  return (status.conditions ?? []).find(one => one.type === 'Ready' && one.status === 'True')
}

function isReady(pod: Pod): boolean {
  return readyIn(pod) !== undefined
}

function secondsToReady(pod: Pod): number {
  return (Date.parse(readyIn(pod)?.lastTransitionTime ?? '') - Date.parse(pod.metadata.creationTimestamp)) / 1000
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  return [0, 0.5, 1].map(share => sorted[Math.floor(share * (sorted.length - 1))]).join(' / ')
}

const APP = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {smi-mesh.dev/inject: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: app
          image: localhost/smi-mesh-test/tools:1
          imagePullPolicy: Never
          args: ["/bin/busybox mkdir /www; echo here > /www/index.html; exec /bin/busybox httpd -f -p 8080 -h /www"]
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /index.html, port: http}, periodSeconds: 2}
`

/**
 * What a cluster of a size costs the operator, and what the operator costs the cluster; `make bench-cluster` runs it. Where it
 * runs, the API server reaches this process by the Service of the mesh, whose chart is installed. Leaves its objects behind.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { type Fields, fieldsOf, listOf, textOf } from '../../src/facts/read.ts'
import { connect, KubernetesClient, kubeconfigOf, RESOURCES } from '../../src/kubernetes/index.ts'
import { fanOut } from '../fan-out.ts'
import { type Admissions, admissions } from './admissions.ts'
import { type Ask, asking, told } from './ask.ts'
import { OperatorProcess } from './operator-process.ts'
import { type PodEvent, podEvents } from './pod-event.ts'
import { Proxied, placeOf } from './proxied.ts'
import { type SplitChanges, type Spread, splitChanges } from './split-changes.ts'
import { clusterWorld, splitOf, splitOfEveryone } from './world.ts'

export interface ClusterFigures {
  readonly services: number
  readonly pods: number
  readonly proxies: number
  /** From no pod to all of them ready, proxies given to each by the webhook; bounded by the controllers of Kubernetes. */
  readonly rolloutSeconds: number
  /** From the start of the process until `/readyz` says so. */
  readonly readyMs: number
  readonly readyCpuSeconds: number
  readonly rssMb: { readonly start: Rss; readonly connected: Rss; readonly end: Rss }
  /** From the first connection to the last proxy that has everything. */
  readonly connectMs: number
  readonly ofFew: SplitChanges
  readonly ofAll: SplitChanges
  /** The same mesh without a cluster, measured just after: from a change of the source to the last acknowledgement. */
  readonly standalone: { readonly ofFew: Spread; readonly ofAll: Spread }
  readonly podEvents: readonly PodEvent[]
  readonly admissions: Admissions
}

type Rss = ReturnType<OperatorProcess['rss']>

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string', default: process.env['KUBECONFIG'] ?? '' },
    /** Of the operator's own account; of whoever measures where absent. */
    'operator-kubeconfig': { type: 'string' },
    services: { type: 'string', default: '200' },
    'pods-per-service': { type: 'string', default: '5' },
    proxies: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '30' },
    'per-second': { type: 'string', default: '50' },
    seconds: { type: 'string', default: '60' },
    out: { type: 'string' },
  },
})
const size = { services: Number(values.services), podsPerService: Number(values['pods-per-service']) }
const connection = connect(kubeconfigOf({ kind: 'file', path: values.kubeconfig }))
const ask = asking(connection)
const client = new KubernetesClient(connection)
const folder = mkdtempSync(join(tmpdir(), 'smi-mesh-bench-'))
const running: { operator?: OperatorProcess; proxied?: Proxied } = {}

async function measure(): Promise<ClusterFigures> {
  const first = await started()
  await first.ready()
  say('the operator runs')
  const rolloutSeconds = await rollOut(ask)
  say(`all pods are ready after ${rolloutSeconds.toFixed(0)} s`)
  await first.stop()
  const operator = await started()
  const readyMs = await operator.ready()
  const readyCpuSeconds = operator.cpu()
  const start = operator.rss()
  say(`ready after ${readyMs.toFixed(0)} ms, ${start.now.toFixed(0)} MB`)
  const pods = await listed('pods')
  const proxied = new Proxied(folder)
  running.proxied = proxied
  const connectMs = await connected(proxied, operator, pods)
  const resting = operator.rss()
  say(`${values.proxies} proxies have everything after ${connectMs.toFixed(0)} ms, ${resting.now.toFixed(0)} MB`)
  const scene = { ask, client, operator, proxied }
  const ofFew = await splitChanges(scene, weight => splitOf(10, weight), Number(values.rounds))
  const ofAll = await splitChanges(scene, splitOfEveryone, Number(values.rounds))
  say('splits were changed')
  const alone = await fanOut(size.services, Number(values.proxies))
  const standalone = { ofFew: alone.changeToLastAckMs, ofAll: alone.allToLastAckMs }
  say('and without a cluster')
  const [pod] = pods
  if (pod === undefined) throw new Error('There is no pod.')
  const events = await podEvents(ask, operator, pod)
  const steady = { perSecond: Number(values['per-second']), seconds: Number(values.seconds) }
  const asked = { ask, operator, services: size.services, bareNamespace: 'default', ...steady }
  const answered = await admissions(asked)
  return {
    services: size.services,
    pods: pods.length,
    proxies: Number(values.proxies),
    ...{ rolloutSeconds, readyMs, readyCpuSeconds, connectMs, ofFew, ofAll, standalone, podEvents: events },
    rssMb: { start, connected: resting, end: operator.rss() },
    admissions: answered,
  }
}

/** With the arguments of the chart. */
async function started(): Promise<OperatorProcess> {
  const path = '/apis/apps/v1/namespaces/smi-mesh/deployments/smi-mesh'
  const deployment = fieldsOf(await told(ask, { method: 'GET', path }))
  const template = fieldsOf(fieldsOf(deployment['spec'])['template'])
  const [container] = listOf(fieldsOf(template['spec'])['containers'])
  const { args: words, env } = fieldsOf(container)
  const args = listOf(words).map(word => textOf(word))
  const set = listOf(env)
    .map(fieldsOf)
    .filter(({ value }) => value !== undefined)
  const environment = Object.fromEntries(set.map(({ name, value }) => [textOf(name), textOf(value)]))
  const kubeconfig = values['operator-kubeconfig'] ?? values.kubeconfig
  running.operator = new OperatorProcess({ args, environment, kubeconfig, name: 'smi-mesh-bench' })
  return running.operator
}

/** Resolves with the seconds until all pods are ready. */
async function rollOut(ask: Ask): Promise<number> {
  const began = performance.now()
  for (const object of clusterWorld(size)) await applied(ask, fieldsOf(object))
  const wanted = size.services * size.podsPerService
  let ready = 0
  while (ready < wanted) {
    const pods = await listed('pods')
    ready = pods.filter(isReady).length
    say(`${ready} of ${wanted} pods are ready`)
    if (performance.now() - began > 600_000) throw new Error('The pods are not ready after ten minutes.')
    if (ready < wanted) await new Promise(resolve => setTimeout(resolve, 2_000))
  }
  return (performance.now() - began) / 1000
}

const PLURALS: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  Service: 'services',
  Deployment: 'deployments',
  HTTPRouteGroup: 'httproutegroups',
  TrafficSplit: 'trafficsplits',
  TrafficTarget: 'traffictargets',
}

/** By server-side apply, so that it may be run again. */
async function applied(ask: Ask, object: Fields): Promise<void> {
  const { namespace, name } = placeOf(object)
  const apiVersion = textOf(object['apiVersion'])
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
  const within = namespace === '' ? '' : `/namespaces/${namespace}`
  const path = `${root}${within}/${PLURALS[textOf(object['kind'])]}/${name}?fieldManager=bench&force=true`
  await told(ask, { method: 'PATCH', path, contentType: 'application/apply-patch+yaml', body: object })
}

/** Pods of the world, in the order in which each Service has one before any has two. */
async function listed(what: 'pods'): Promise<readonly Fields[]> {
  const found: Fields[] = []
  for await (const page of client.list(RESOURCES[what], {})) found.push(...page.items)
  const byService = Map.groupBy(
    found.filter(pod => placeOf(pod).namespace.startsWith('scale-')),
    pod => textOf(fieldsOf(fieldsOf(pod['metadata'])['labels'])['app']),
  )
  const ranked = [...byService.values()].flatMap(pods => pods.map((pod, rank) => ({ pod, rank })))
  return ranked.sort((a, b) => a.rank - b.rank).map(({ pod }) => pod)
}

function isReady(pod: Fields): boolean {
  const conditions = listOf(fieldsOf(pod['status'])['conditions']).map(fieldsOf)
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

async function connected(proxied: Proxied, operator: OperatorProcess, pods: readonly Fields[]): Promise<number> {
  const proxies = Number(values.proxies)
  let began = 0
  await proxied.connect(ask, client, pods.slice(0, proxies), () => {
    began = performance.now()
  })
  await operator.until('all proxies have everything', async () => {
    const { connected, lagging } = await operator.streams()
    return connected === proxies && lagging === 0
  })
  const { errors } = await proxied.report()
  if (errors.length > 0) throw new Error(`${errors.length} streams were ended, the first: ${errors[0]}`)
  return performance.now() - began
}

function say(text: string): void {
  process.stderr.write(`${(performance.now() / 1000).toFixed(1)} s  ${text}\n`)
}

process.on('exit', () => {
  running.proxied?.stop()
  running.operator?.kill()
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(3))

const text = `${JSON.stringify(await measure(), null, 2)}\n`
if (values.out === undefined) process.stdout.write(text)
else writeFileSync(values.out, text)
process.exit(0)

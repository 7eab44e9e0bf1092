/** What admissions take at a steady rate: through the API server, with the webhooks and without, and of the webhooks themselves. */
import { randomUUID } from 'node:crypto'
import { Agent } from 'node:https'
import { type Fields, fieldsOf } from '../../src/facts/read.ts'
import { type Ask, type Asked, sent, type Told } from './ask.ts'
import { type Latencies, load } from './load.ts'
import type { OperatorProcess } from './operator-process.ts'
import { namespaceOf, podTemplate, splitOf } from './world.ts'

export interface Admissions {
  readonly perSecond: number
  readonly seconds: number
  /** Pods created by dry run, given a proxy each. */
  readonly pods: Latencies
  /** The same where no webhook is asked: what the API server itself takes. */
  readonly barePods: Latencies
  /** TrafficSplits changed by dry run, tried out against the whole mesh. */
  readonly splits: Latencies
  /** The webhooks called as the API server calls them. */
  readonly inject: Latencies
  readonly validate: Latencies
  /** By the operator's own clock, from the question to the answer, by path: 99 of 100 took no longer. */
  readonly p99AtMostMs: Readonly<Record<string, number>>
}

export interface AdmissionScene {
  readonly ask: Ask
  readonly operator: OperatorProcess
  readonly services: number
  readonly perSecond: number
  readonly seconds: number
  /** A namespace that has not joined, where pods may be made. */
  readonly bareNamespace: string
}

const WEBHOOKS = { hostname: '127.0.0.1', port: 9443 }

export async function admissions(scene: AdmissionScene): Promise<Admissions> {
  const { ask, operator, services, perSecond, seconds, bareNamespace } = scene
  const at = (one: (number: number) => Promise<Told>) => load({ perSecond, seconds, ask: one })
  const pods = await at(number => ask(dryPod(namespaceOf(number % services), number % services)))
  const barePods = await at(number => ask(dryPod(bareNamespace, number % services)))
  const splits = await at(number => ask(drySplit(tenth(number, services), number)))
  // Proof of who answers is the API server's matter; what is measured here is how long it takes.
  const direct = { ...WEBHOOKS, agent: new Agent({ keepAlive: true, maxSockets: 8, rejectUnauthorized: false }) }
  const inject = await at(number => sent(review('/inject', podOf(namespaceOf(0), 0), number), direct))
  const validate = await at(number => {
    const n = tenth(number, services)
    return sent(review('/validate', fieldsOf(splitOf(n, 1 + (number % 99))), number), direct)
  })
  direct.agent.destroy()
  const p99AtMostMs = await boundsOf99(operator)
  return { perSecond, seconds, pods, barePods, splits, inject, validate, p99AtMostMs }
}

function tenth(number: number, services: number): number {
  return (number * 10) % services
}

function podOf(namespace: string, n: number): Fields {
  const { metadata, spec } = fieldsOf(podTemplate(n))
  const account = namespace === namespaceOf(n) ? {} : { serviceAccountName: 'default' }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...fieldsOf(metadata), generateName: 'dry-', namespace },
    spec: { ...fieldsOf(spec), ...account },
  }
}

function dryPod(namespace: string, n: number): Asked {
  const body = podOf(namespace, n)
  return { method: 'POST', path: `/api/v1/namespaces/${namespace}/pods?dryRun=All`, body }
}

function drySplit(n: number, number: number): Asked {
  const { metadata, spec } = fieldsOf(splitOf(n, 1 + (number % 99)))
  const { namespace, name } = fieldsOf(metadata)
  return {
    method: 'PATCH',
    path: `/apis/split.smi-spec.io/v1alpha4/namespaces/${namespace}/trafficsplits/${name}?dryRun=All`,
    contentType: 'application/merge-patch+json',
    body: { spec },
  }
}

/** As an API server sends it (admission.k8s.io/v1). */
function review(path: string, object: Fields, number: number): Asked {
  const { apiVersion, kind, metadata } = object
  const [group, version] = String(apiVersion).includes('/') ? String(apiVersion).split('/') : ['', apiVersion]
  const { namespace, name = '' } = fieldsOf(metadata)
  const request = {
    uid: randomUUID(),
    kind: { group, version, kind },
    operation: number % 2 === 0 || path === '/inject' ? 'CREATE' : 'UPDATE',
    namespace,
    name,
    object,
    oldObject: null,
    dryRun: true,
  }
  const body = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }
  return { method: 'POST', path, body }
}

/** The least bound of the operator's histogram, in milliseconds, that 99 of 100 answers since it began kept. */
async function boundsOf99(operator: OperatorProcess): Promise<Readonly<Record<string, number>>> {
  const values = [...(await operator.values())]
  const bounds = ['/inject', '/validate'].map(path => {
    const buckets = values.flatMap(([series, count]) => {
      const [, bound] = HISTOGRAM.exec(series.replace(path, 'PATH')) ?? []
      return bound === undefined
        ? []
        : [{ seconds: bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), count }]
    })
    const all = Math.max(0, ...buckets.map(({ count }) => count))
    const kept = buckets.filter(({ count }) => count >= 0.99 * all).map(({ seconds }) => seconds * 1000)
    return [path, Math.min(...kept)] as const
  })
  return Object.fromEntries(bounds)
}

const HISTOGRAM = /^smi_webhook_duration_seconds_bucket\{le="([^"]+)",path="PATH",status="200"\}$/

/**
 * How long a changed TrafficSplit takes to the last proxy concerned, in parts: the write to the API server, its watch, and the
 * mesh from the event on. The second is seen by a watch of our own beside the operator's.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { fieldsOf, textOf } from '../../src/facts/read.ts'
import { type KubernetesClient, type ObjectName, type Resource, smiResourceOf } from '../../src/kubernetes/index.ts'
import { quantile } from '../statistics.ts'
import { type Ask, told } from './ask.ts'
import type { OperatorProcess } from './operator-process.ts'
import type { Proxied } from './proxied.ts'

export interface SplitChanges {
  readonly rounds: number
  /** Proxies that the split concerns. */
  readonly proxies: number
  /** From before the write to the API server's answer; validation by the operator's webhook is within. */
  readonly writeMs: Spread
  /** From before the write until a watch shows the change. */
  readonly watchMs: Spread
  /** From there to the last acknowledgement. */
  readonly oursMs: Spread
  /** From before the write to the last acknowledgement. */
  readonly allMs: Spread
}

export interface Spread {
  readonly p50: number
  readonly p99: number
}

export interface SplitScene {
  readonly ask: Ask
  readonly client: KubernetesClient
  readonly operator: OperatorProcess
  readonly proxied: Proxied
}

/** Longer than the holdoff, and until the status of the change before has been written: a second after the one before that. */
const QUIET_MS = 1_300

/** Changes the split again and again; `split` makes it with a weight. */
export async function splitChanges(
  scene: SplitScene,
  split: (weight: number) => object,
  rounds: number,
): Promise<SplitChanges> {
  const proxies = await concerned(scene, split(1))
  const times: { write: number; watch: number; ours: number; all: number }[] = []
  for (let round = 0; round < rounds; round++) {
    await pause(QUIET_MS)
    times.push(await change(scene, split(10 + round), proxies))
  }
  const spread = (of: (one: (typeof times)[number]) => number) => {
    const values = times.map(of)
    return { p50: quantile(values, 0.5), p99: quantile(values, 0.99) }
  }
  return {
    rounds,
    proxies,
    writeMs: spread(({ write }) => write),
    watchMs: spread(({ watch }) => watch),
    oursMs: spread(({ ours }) => ours),
    allMs: spread(({ all }) => all),
  }
}

/** By a first change: how many are told of it. */
async function concerned({ ask, operator }: SplitScene, split: object): Promise<number> {
  const before = await operator.counters()
  await told(ask, patchOf(split))
  await pause(1_000)
  await atRest(operator)
  return (await operator.counters()).pushes - before.pushes
}

async function change({ ask, client, operator, proxied }: SplitScene, split: object, proxies: number) {
  const { seen, end } = await watching(client, split)
  try {
    const { responses } = await proxied.report()
    const acknowledged = proxied.expect(responses + proxies)
    const began = sharedNow()
    const { ms: write, status, body } = await ask(patchOf(split))
    if (status !== 200) throw new Error(`The split could not be changed: ${status} ${body}`)
    const [seenAt, { acknowledgedAt }] = await Promise.all([seen, acknowledged])
    await atRest(operator)
    return { write, watch: seenAt - began, ours: acknowledgedAt - seenAt, all: acknowledgedAt - began }
  } finally {
    end()
  }
}

interface Watch {
  /** When the object was seen to have changed. */
  readonly seen: Promise<number>
  readonly end: () => void
}

/** Resolves once the watch is open. */
async function watching(client: KubernetesClient, object: object): Promise<Watch> {
  const { resource, at } = placed(object)
  const { metadata } = await client.get(resource, at)
  const opened = Promise.withResolvers<void>()
  const seen = Promise.withResolvers<number>()
  const ended = new AbortController()
  const following = client.watch(resource, {
    namespace: at.namespace,
    resourceVersion: textOf(fieldsOf(metadata)['resourceVersion']),
    serverTimeoutMs: 60_000,
    silenceMs: 60_000,
    signal: ended.signal,
    onOpen: opened.resolve,
    onLines: lines => {
      if (lines.some(line => line.includes(`"name":"${at.name}"`))) seen.resolve(sharedNow())
    },
  })
  following.catch((error: unknown) => {
    opened.reject(error)
    seen.reject(error)
  })
  seen.promise.catch(() => undefined) // where nobody waits for it any more
  await opened.promise
  return { seen: seen.promise, end: () => ended.abort() }
}

function patchOf(split: object) {
  const { resource, at } = placed(split)
  const { group, version, plural } = resource
  return {
    method: 'PATCH',
    path: `/apis/${group}/${version}/namespaces/${at.namespace}/${plural}/${at.name}`,
    contentType: 'application/merge-patch+json',
    body: { spec: fieldsOf(split)['spec'] },
  } as const
}

function placed(object: object): { readonly resource: Resource; readonly at: ObjectName } {
  const { apiVersion, kind, metadata } = fieldsOf(object)
  const resource = smiResourceOf(textOf(apiVersion), textOf(kind))
  if (resource === undefined) throw new TypeError(`${textOf(kind)} of ${textOf(apiVersion)} is not of SMI.`)
  const { namespace, name } = fieldsOf(metadata)
  return { resource, at: { namespace: textOf(namespace), name: textOf(name) } }
}

/** Every proxy has what there is. */
async function atRest(operator: OperatorProcess): Promise<void> {
  await operator.until('all is acknowledged', async () => {
    const { pushes, acks, nacks } = await operator.counters()
    return pushes === acks + nacks
  })
}

/** As proxies.ts counts: monotonic, and the same for every process of this machine. */
function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** What one event of a pod costs in a large mesh, by the operator's own counts: computations by table, resources, proxies told. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Fields } from '../../src/facts/read.ts'
import { type Ask, told } from './ask.ts'
import type { OperatorProcess } from './operator-process.ts'
import { placeOf } from './proxied.ts'

export interface PodEvent {
  readonly what: string
  readonly computations: number
  readonly encoded: number
  readonly pushes: number
  readonly tables: Readonly<Record<string, number>>
}

/** Long enough for whatever follows from a pod: its EndpointSlices, above all. */
const SETTLING_MS = 3_000

export async function podEvents(ask: Ask, operator: OperatorProcess, pod: Fields): Promise<readonly PodEvent[]> {
  const ready = (status: 'True' | 'False') =>
    patched(ask, pod, '/status', { status: { conditions: [{ type: 'Ready', status }] } })
  const annotated = patched(ask, pod, '', { metadata: { annotations: { 'example.com/seen': 'yes' } } })
  return [
    await counted('a pod whose annotation changes', operator, () => annotated()),
    await counted('a pod that is not ready any more', operator, () => ready('False')()),
    await counted('a pod that is ready again', operator, () => ready('True')()),
  ]
}

function patched(ask: Ask, pod: Fields, subresource: string, body: object): () => Promise<unknown> {
  const { namespace, name } = placeOf(pod)
  const path = `/api/v1/namespaces/${namespace}/pods/${name}${subresource}`
  return () => told(ask, { method: 'PATCH', path, contentType: 'application/strategic-merge-patch+json', body })
}

async function counted(what: string, operator: OperatorProcess, change: () => Promise<unknown>): Promise<PodEvent> {
  const before = await operator.values()
  const { pushes } = await operator.counters()
  await change()
  await pause(SETTLING_MS)
  const after = await operator.values()
  const grown = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  const tables = [...after.keys()].flatMap(name => {
    const [, table] = /^smi_settle_recomputed_total\{table="([^"]+)"\}$/.exec(name) ?? []
    return table === undefined || grown(name) === 0 ? [] : [[table, grown(name)] as const]
  })
  return {
    what,
    computations: tables.reduce((sum, [, count]) => sum + count, 0),
    encoded: grown('smi_encode_resources_total'),
    pushes: (await operator.counters()).pushes - pushes,
    tables: Object.fromEntries(tables),
  }
}

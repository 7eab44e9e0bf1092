/** What one change costs, by the size of the mesh: computations run, resources encoded, bytes, time. Counts are exact. */
import { performance } from 'node:perf_hooks'
import { Graph, type Settled } from '@smi-mesh/dataplane/derive'
import {
  DEFAULT_MESH_CONFIG,
  type IdentityCertificate,
  type ObjectRef,
  type SpiffeId,
  type TrustBundle,
} from '@smi-mesh/dataplane/mesh'
import { serve } from '@smi-mesh/dataplane/serve'
import { compile } from '../src/compile/index.ts'
import { FactTables, type ObjectChange } from '../src/facts/index.ts'
import { identify } from '../src/sources/index.ts'
import { median } from './statistics.ts'
import { slice, split, target, world } from './world.ts'

export interface ChangeCost {
  readonly services: number
  readonly change: string
  /** Computations run, over all tables. */
  readonly recomputed: number
  readonly encoded: number
  readonly bytes: number
  readonly medianMs: number
  readonly tables: Readonly<Record<string, number>>
}

export interface ColdStart {
  readonly services: number
  readonly pods: number
  readonly ms: number
  readonly resources: number
  readonly heapMb: number
}

const PODS_PER_SERVICE = 10
const ROUNDS = 21

export function changeCosts(services: number): { readonly cold: ColdStart; readonly costs: readonly ChangeCost[] } {
  const graph = new Graph()
  const facts = new FactTables(graph, DEFAULT_MESH_CONFIG)
  const { mesh } = compile(graph, facts, DEFAULT_MESH_CONFIG)
  const secrets = {
    certificates: graph.source<SpiffeId, IdentityCertificate>('certificates'),
    bundle: graph.source<'bundle', TrustBundle>('bundle'),
  }
  const serving = serve({ graph, mesh, secrets, identify: () => {}, trustPlaintext: false })
  const objects = world({ services, podsPerService: PODS_PER_SERVICE }).map(changeOf)
  const heapBefore = heapUsed()
  const began = performance.now()
  facts.apply(objects)
  const first = serving.commit(graph.settle())
  const ms = performance.now() - began
  const cold = {
    services,
    pods: services * PODS_PER_SERVICE,
    ms,
    resources: first.changed,
    heapMb: (heapUsed() - heapBefore) / 1e6,
  }
  const measure = (change: string, object: (round: number) => object): ChangeCost => {
    const times: number[] = []
    let last: Settled | undefined
    let encoded = 0
    let bytes = 0
    for (let round = 1; round <= ROUNDS; round++) {
      const changes = [changeOf(object(round))]
      const start = performance.now()
      facts.apply(changes)
      last = graph.settle()
      const committed = serving.commit(last)
      times.push(performance.now() - start)
      encoded = committed.changed
      bytes = committed.bytes
    }
    const tables = Object.fromEntries(last?.recomputed ?? [])
    const recomputed = Object.values(tables).reduce((sum, count) => sum + count, 0)
    return { services, change, recomputed, encoded, bytes, medianMs: median(times), tables }
  }
  const apex = 10
  return {
    cold,
    costs: [
      measure('one weight of a TrafficSplit', round => split(apex, round)),
      measure('one address in an EndpointSlice', round => slice(5, PODS_PER_SERVICE, round)),
      measure('one source of a TrafficTarget', round => target(15, services, 30 + round)),
    ],
  }
}

function changeOf(object: object): ObjectChange & { readonly ref: ObjectRef } {
  const found = identify(object)
  if (found.kind === 'unidentified') throw new TypeError(found.message)
  return { ref: found.ref, object: found.object }
}

/** Bytes in use; with what could be collected, where nobody started it with --expose-gc. */
function heapUsed(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** What a TrafficSplit in the hub's form means. */

import type { LocalRef, SplitBackend, TrafficSplitSpec } from '../hub.ts'
import { type Fields, fieldsOr, listOf, textOf } from '../json.ts'
import { wholeWeights } from '../weights.ts'

export function splitSpec(hub: Fields): TrafficSplitSpec {
  const spec = fieldsOr(hub['spec'])
  return {
    service: textOf(spec['service']),
    backends: backendsOf(spec),
    matches: listOf(spec['matches']).map(localRef),
  }
}

function backendsOf(spec: Fields): readonly SplitBackend[] {
  const written = listOf(spec['backends']).map(backend => fieldsOr(backend))
  const weights = wholeWeights(written.map(backend => backend['weight'])) ?? []
  return written.map((backend, at) => ({ service: textOf(backend['service']), weight: weights[at] ?? 0 }))
}

function localRef(value: unknown): LocalRef {
  const { kind, name } = fieldsOr(value)
  return { kind: textOf(kind), name: textOf(name) }
}

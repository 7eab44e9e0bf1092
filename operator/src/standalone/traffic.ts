/** Two readings of the proxies' counters → what happened between them. Pure. */
import type { ServicePortKey } from '@smi-mesh/dataplane/mesh'

/** Requests from one workload's owner to one backend, counted since its proxies started. */
export interface EdgeCounters {
  readonly from: string
  readonly to: ServicePortKey
  readonly requests: number
  readonly failures: number
  /** Cumulative: how many took at most so many milliseconds. Sorted. */
  readonly latency: readonly Bucket[]
}

export interface Bucket {
  readonly upToMs: number
  readonly count: number
}

/** All counters of one proxy at one moment, in milliseconds. */
export interface Reading {
  readonly at: number
  readonly proxies: ReadonlyMap<string, readonly EdgeCounters[]>
}

export interface EdgeTraffic {
  readonly from: string
  readonly to: ServicePortKey
  readonly requests: number
  readonly requestsPerSecond: number
  /** 0 to 1; of no request at all, 1. */
  readonly successRate: number
  /** Milliseconds; undefined where nothing was measured. */
  readonly p50: number | undefined
  readonly p90: number | undefined
  readonly p99: number | undefined
}

/** What went over each edge between two readings, sorted. A proxy that was not there before, or started anew, counts from zero. */
export function trafficBetween(before: Reading, after: Reading): readonly EdgeTraffic[] {
  const seconds = Math.max((after.at - before.at) / 1000, 0.001)
  const sums = new Map<string, EdgeCounters>()
  for (const [proxy, edges] of after.proxies) {
    const earlier = new Map((before.proxies.get(proxy) ?? []).map(edge => [edgeKey(edge), edge]))
    for (const edge of edges) {
      const gained = gain(earlier.get(edgeKey(edge)), edge)
      const sum = sums.get(edgeKey(edge))
      sums.set(edgeKey(edge), sum === undefined ? gained : add(sum, gained))
    }
  }
  return [...sums.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, edge]) => ({
      from: edge.from,
      to: edge.to,
      requests: edge.requests,
      requestsPerSecond: edge.requests / seconds,
      successRate: edge.requests === 0 ? 1 : 1 - edge.failures / edge.requests,
      p50: quantile(edge.latency, 0.5),
      p90: quantile(edge.latency, 0.9),
      p99: quantile(edge.latency, 0.99),
    }))
}

/** The value that a part of all measurements does not exceed, taken as spread evenly within its bucket. */
export function quantile(latency: readonly Bucket[], part: number): number | undefined {
  const total = latency.at(-1)?.count ?? 0
  if (total === 0) return undefined
  const rank = part * total
  let lower: Bucket = { upToMs: 0, count: 0 }
  for (const bucket of latency) {
    if (bucket.count >= rank) {
      const inBucket = bucket.count - lower.count
      // The last bucket has no end; all that is known is where it begins.
      if (!Number.isFinite(bucket.upToMs) || inBucket === 0) return lower.upToMs
      return lower.upToMs + ((bucket.upToMs - lower.upToMs) * (rank - lower.count)) / inBucket
    }
    lower = bucket
  }
  return lower.upToMs
}

/** The part of the requests to `backends` that each got; undefined where there were none. */
export function sharesOf(
  edges: readonly EdgeTraffic[],
  backends: readonly ServicePortKey[],
): readonly (number | undefined)[] {
  const counts = backends.map(backend =>
    edges.reduce((sum, edge) => sum + (edge.to === backend ? edge.requests : 0), 0),
  )
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.map(count => (total === 0 ? undefined : count / total))
}

function edgeKey(edge: EdgeCounters): string {
  return `${edge.from} ${edge.to}`
}

function gain(before: EdgeCounters | undefined, after: EdgeCounters): EdgeCounters {
  if (before === undefined || after.requests < before.requests) return after
  const earlier = new Map(before.latency.map(({ upToMs, count }) => [upToMs, count]))
  return {
    ...after,
    requests: after.requests - before.requests,
    failures: Math.max(0, after.failures - before.failures),
    latency: after.latency.map(({ upToMs, count }) => ({
      upToMs,
      count: Math.max(0, count - (earlier.get(upToMs) ?? 0)),
    })),
  }
}

function add(a: EdgeCounters, b: EdgeCounters): EdgeCounters {
  const counts = new Map(a.latency.map(({ upToMs, count }) => [upToMs, count]))
  for (const { upToMs, count } of b.latency) counts.set(upToMs, (counts.get(upToMs) ?? 0) + count)
  return {
    ...a,
    requests: a.requests + b.requests,
    failures: a.failures + b.failures,
    latency: [...counts].sort(([x], [y]) => x - y).map(([upToMs, count]) => ({ upToMs, count })),
  }
}

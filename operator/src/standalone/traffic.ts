/** Two readings of the proxies' counters → what happened between them. Pure. */
import type { Sample } from './prometheus-text.ts'

/** A proxy's numbers, and whose proxy it is. */
export interface ProxyReading {
  /** `namespace/name` of the pod's top owner. */
  readonly owner: string
  readonly identity: string
  readonly samples: readonly Sample[]
}

/** All numbers at one moment, in milliseconds, by pod. */
export interface Reading {
  readonly at: number
  readonly proxies: ReadonlyMap<string, ProxyReading>
}

export const EMPTY_READING: Reading = { at: 0, proxies: new Map() }

export interface EdgeTraffic {
  /** `namespace/name` of the owner that called, or who else. */
  readonly from: string
  /** A service port, `namespace/name:port`; where the caller has no proxy, the owner that was called. */
  readonly to: string
  readonly requests: number
  readonly requestsPerSecond: number
  /** 0 to 1, of answers that are no server error; of no request at all, 1. */
  readonly successRate: number
  /** Refused by access control, or by nobody being allowed to know the service. */
  readonly denied: number
  /** Milliseconds, as the called side measured; undefined where nothing was. */
  readonly p50: number | undefined
  readonly p90: number | undefined
  readonly p99: number | undefined
}

/** Cumulative: how many took at most so many milliseconds. */
export interface Bucket {
  readonly upToMs: number
  readonly count: number
}

const REQUESTS = 'envoy_smi_requests_total'
const DURATION_BUCKET = 'envoy_smi_request_duration_ms_bucket'
export const STATS_PREFIX = 'envoy_smi_'
const UNIDENTIFIED = '(no identity)'

/** What went over each edge between two readings, sorted. */
export function trafficBetween(before: Reading, after: Reading): readonly EdgeTraffic[] {
  const seconds = Math.max((after.at - before.at) / 1000, 0.001)
  const edges = new Map<string, Edge>()
  const latency = new Map<string, Map<number, number>>()
  for (const [pod, proxy] of after.proxies) {
    for (const sample of gained(before.proxies.get(pod)?.samples ?? [], proxy.samples)) {
      if (sample.name === REQUESTS) count(edges, proxy, sample)
      else if (sample.name === DURATION_BUCKET) measure(latency, sample)
    }
  }
  return [...edges.values()]
    .sort((a, b) => (`${a.from} ${a.to}` < `${b.from} ${b.to}` ? -1 : 1))
    .map(edge => summary(edge, bucketsOf(latency, edge.measuredAs), seconds))
}

interface Edge {
  readonly from: string
  readonly to: string
  requests: number
  errors: number
  denied: number
  readonly measuredAs: Set<string>
}

/** Outbound requests make an edge; inbound ones only where the caller had no proxy to count them. */
function count(edges: Map<string, Edge>, proxy: ProxyReading, { labels, value }: Sample): void {
  const source = identityOf(labels['source'])
  const isOutbound = labels['direction'] === 'outbound'
  if (!isOutbound && source !== '') return
  const from = isOutbound ? proxy.owner : UNIDENTIFIED
  const to = isOutbound ? (labels['service_port'] ?? '') : proxy.owner
  if (to === '' || to === '-') return
  const key = `${from} ${to}`
  const edge = edges.get(key) ?? { from, to, requests: 0, errors: 0, denied: 0, measuredAs: new Set<string>() }
  edges.set(key, edge)
  edge.requests += value
  const code = Number(labels['response_code'])
  if (code === 403) edge.denied += value
  if (code >= 500 || code === 0) edge.errors += value
  edge.measuredAs.add(measureKey(isOutbound ? proxy.identity : '', labels))
}

function measure(latency: Map<string, Map<number, number>>, { labels, value }: Sample): void {
  const key = measureKey(identityOf(labels['source']), labels)
  const buckets = latency.get(key) ?? new Map<number, number>()
  latency.set(key, buckets)
  const upTo = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le'])
  buckets.set(upTo, (buckets.get(upTo) ?? 0) + value)
}

/** How both sides of a call name it: the caller's identity and the owner that answered. */
function measureKey(identity: string, labels: Sample['labels']): string {
  return `${identity} ${labels['destination_namespace']}/${labels['destination_name']}`
}

/** Access logs write an absent value as a hyphen. */
function identityOf(source: string | undefined): string {
  return source === undefined || source === '-' ? '' : source
}

function bucketsOf(
  latency: ReadonlyMap<string, ReadonlyMap<number, number>>,
  keys: Iterable<string>,
): readonly Bucket[] {
  const sums = new Map<number, number>()
  for (const key of keys) {
    for (const [upTo, value] of latency.get(key) ?? []) sums.set(upTo, (sums.get(upTo) ?? 0) + value)
  }
  return [...sums].sort(([a], [b]) => a - b).map(([upToMs, value]) => ({ upToMs, count: value }))
}

function summary(
  { from, to, requests, errors, denied }: Edge,
  latency: readonly Bucket[],
  seconds: number,
): EdgeTraffic {
  return {
    from,
    to,
    requests,
    requestsPerSecond: requests / seconds,
    successRate: requests === 0 ? 1 : 1 - errors / requests,
    denied,
    p50: quantile(latency, 0.5),
    p90: quantile(latency, 0.9),
    p99: quantile(latency, 0.99),
  }
}

/** What each series gained. One that is new, or smaller than before because its proxy started anew, counts from zero. */
function gained(before: readonly Sample[], after: readonly Sample[]): readonly Sample[] {
  const earlier = new Map(before.map(sample => [sample.series, sample.value]))
  return after.map(sample => {
    const was = earlier.get(sample.series) ?? 0
    return { ...sample, value: sample.value >= was ? sample.value - was : sample.value }
  })
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
export function sharesOf(edges: readonly EdgeTraffic[], backends: readonly string[]): readonly (number | undefined)[] {
  const counts = backends.map(backend =>
    edges.reduce((sum, edge) => sum + (edge.to === backend ? edge.requests : 0), 0),
  )
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.map(count => (total === 0 ? undefined : count / total))
}

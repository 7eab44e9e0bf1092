/**
 * The numbers of the control plane, for Prometheus. Knows their names and meaning; is told, and asks nobody.
 * Nothing is counted per proxy, object or identity: those are as many as the mesh is large.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { MetricName } from './catalogue.ts'
import { METRICS, type MetricDescription } from './catalogue.ts'

/** What is read when somebody asks for the numbers, not written when it changes. */
export interface Readings {
  /** How many objects have at least one finding of a reason. */
  readonly findings: () => ReadonlyMap<string, number>
  readonly proxies: () => { readonly connected: number; readonly lagging: number }
  /** When each certificate in use ends, in milliseconds since the epoch. */
  readonly certificateEnds: () => Iterable<number>
  readonly certificatesFailing: () => number
  readonly roots: () => readonly { readonly role: string; readonly notAfter: number }[]
  /** Since the last reading, in milliseconds. */
  readonly eventLoopDelay: () => { readonly p50: number; readonly p99: number; readonly max: number }
  /** Wall clock. */
  readonly now: () => number
  /** In a cluster alone. */
  readonly cluster?: () => ClusterReadings
}

export interface ClusterReadings {
  readonly leads: boolean
  readonly pendingStatuses: number
  /** Objects by kind. */
  readonly objects: ReadonlyMap<string, number>
}

export class Metrics {
  readonly #registry = new Registry()
  readonly #counters = new Map<MetricName, Counter>()
  readonly #gauges = new Map<MetricName, Gauge>()
  readonly #histograms = new Map<MetricName, Histogram>()
  #readings: Readings | undefined

  constructor() {
    for (const description of METRICS) this.#register(description)
  }

  /** From where to read on every scrape. */
  read(readings: Readings): void {
    this.#readings = readings
  }

  /** Adds to a counter. */
  add(name: MetricName, labels: Readonly<Record<string, string>> = {}, count = 1): void {
    found(this.#counters, name).inc({ ...labels }, count)
  }

  /** Notes one duration, given in milliseconds. */
  took(name: MetricName, ms: number, labels: Readonly<Record<string, string>> = {}): void {
    found(this.#histograms, name).observe({ ...labels }, ms / 1000)
  }

  /** The text that Prometheus scrapes. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    if (this.#readings !== undefined) this.#collect(this.#readings)
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() }
  }

  #collect({ now, ...readings }: Readings): void {
    const { connected, lagging } = readings.proxies()
    this.#set('smi_xds_streams', connected)
    this.#set('smi_xds_lagging_streams', lagging)
    const findings = found(this.#gauges, 'smi_compile_findings')
    findings.reset() // a reason that is gone must not stay
    for (const [reason, count] of readings.findings()) findings.set({ reason }, count)
    this.#set('smi_identity_certificate_expiry_seconds', soonest(readings.certificateEnds(), now()))
    this.#set('smi_identity_failing_certificates', readings.certificatesFailing())
    const roots = found(this.#gauges, 'smi_identity_root_expiry_seconds')
    roots.reset()
    const ends = Map.groupBy(readings.roots(), ({ role }) => role)
    for (const [role, same] of ends)
      roots.set(
        { role },
        soonest(
          same.map(({ notAfter }) => notAfter),
          now(),
        ),
      )
    if (readings.cluster !== undefined) this.#collectCluster(readings.cluster())
    const delay = readings.eventLoopDelay()
    for (const quantile of ['p50', 'p99', 'max'] as const) {
      found(this.#gauges, 'smi_process_event_loop_delay_seconds').set({ quantile }, delay[quantile] / 1000)
    }
  }

  #collectCluster({ leads, pendingStatuses, objects }: ClusterReadings): void {
    this.#set('smi_leader_leads', leads ? 1 : 0)
    this.#set('smi_status_pending', pendingStatuses)
    for (const [kind, count] of objects) found(this.#gauges, 'smi_source_objects').set({ kind }, count)
  }

  #set(name: MetricName, value: number): void {
    found(this.#gauges, name).set(value)
  }

  #register({ name, kind, help, labels, buckets }: MetricDescription): void {
    const shared = { name, help, labelNames: [...labels], registers: [this.#registry] }
    switch (kind) {
      case 'counter':
        this.#counters.set(name, new Counter(shared))
        break
      case 'gauge':
        this.#gauges.set(name, new Gauge(shared))
        break
      case 'histogram':
        this.#histograms.set(name, new Histogram({ ...shared, buckets: [...buckets] }))
    }
  }
}

function found<T>(metrics: ReadonlyMap<MetricName, T>, name: MetricName): T {
  const metric = metrics.get(name)
  if (metric === undefined) throw new TypeError(`${name} is not a metric of this kind.`)
  return metric
}

/** Seconds until the first of these ends; NaN, which no alert takes for good news or bad, where there is none. */
function soonest(ends: Iterable<number>, now: number): number {
  let first = Number.POSITIVE_INFINITY
  for (const end of ends) if (end < first) first = end
  return Number.isFinite(first) ? (first - now) / 1000 : Number.NaN
}

/** Every metric there is, in the order of the pipeline. The page docs/reference/metrics.md is made from this table. */

export interface MetricDescription {
  readonly name: MetricName
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets: readonly number[]
}

export type MetricName = (typeof TABLE)[number]['name']

/** In seconds. A change is computed within a millisecond; what takes 100 ms is worth asking about. */
const COMPUTING = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
/** In seconds. A proxy on the same machine answers within one; one that is far away or busy, within a few hundred. */
const ANSWERING = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

const TABLE = [
  {
    name: 'smi_source_problems_total',
    kind: 'counter',
    help: 'Times that something in a source became unreadable.',
    labels: [],
  },
  {
    name: 'smi_source_lists_total',
    kind: 'counter',
    help: 'Times that all objects of a kind were read from the API server: once at the start, then where a watch could not go on.',
    labels: ['kind'],
  },
  {
    name: 'smi_source_breaks_total',
    kind: 'counter',
    help: 'Times that reading or watching a kind broke off. Each is followed by another attempt.',
    labels: ['kind'],
  },
  {
    name: 'smi_source_audits_total',
    kind: 'counter',
    help: 'Times that what was watched of a kind was compared with a list.',
    labels: ['kind'],
  },
  {
    name: 'smi_source_audit_differences_total',
    kind: 'counter',
    help: 'Objects that differed in such a comparison, and were repaired. More than none is a bug, here or there.',
    labels: ['kind'],
  },
  {
    name: 'smi_source_objects',
    kind: 'gauge',
    help: 'Objects followed in a cluster, by kind.',
    labels: ['kind'],
  },
  {
    name: 'smi_leader_leads',
    kind: 'gauge',
    help: '1 where this replica is the one that writes, else 0. Over all replicas the sum is 1.',
    labels: [],
  },
  { name: 'smi_status_writes_total', kind: 'counter', help: 'Statuses of objects written.', labels: [] },
  {
    name: 'smi_status_failures_total',
    kind: 'counter',
    help: 'Statuses that could not be written when last tried.',
    labels: [],
  },
  {
    name: 'smi_status_pending',
    kind: 'gauge',
    help: 'Objects whose status does not say yet what it should.',
    labels: [],
  },
  {
    name: 'smi_settle_duration_seconds',
    kind: 'histogram',
    help: 'Time to bring the mesh and its resources up to date after a change.',
    labels: [],
    buckets: COMPUTING,
  },
  { name: 'smi_settle_revisions_total', kind: 'counter', help: 'Revisions of the mesh.', labels: [] },
  {
    name: 'smi_settle_recomputed_total',
    kind: 'counter',
    help: 'Computations run, by table. Should follow the changes made, never the size of the mesh.',
    labels: ['table'],
  },
  {
    name: 'smi_settle_failures_total',
    kind: 'counter',
    help: 'Computations that threw, by table: bugs. The last good result stands.',
    labels: ['table'],
  },
  {
    name: 'smi_compile_findings',
    kind: 'gauge',
    help: 'Findings about objects, by reason.',
    labels: ['reason'],
  },
  { name: 'smi_encode_resources_total', kind: 'counter', help: 'Resources encoded anew or removed.', labels: [] },
  { name: 'smi_encode_bytes_total', kind: 'counter', help: 'Bytes of the resources encoded anew.', labels: [] },
  { name: 'smi_xds_streams', kind: 'gauge', help: 'Proxies connected now.', labels: [] },
  {
    name: 'smi_xds_lagging_streams',
    kind: 'gauge',
    help: 'Proxies connected now that have not acknowledged the current revision.',
    labels: [],
  },
  { name: 'smi_xds_connections_total', kind: 'counter', help: 'Proxies let in.', labels: [] },
  { name: 'smi_xds_refusals_total', kind: 'counter', help: 'Streams not let in.', labels: [] },
  {
    name: 'smi_xds_crowded_total',
    kind: 'counter',
    help: 'Connections not let in, or ended for others, because all there may be were taken.',
    labels: [],
  },
  {
    name: 'smi_xds_pushes_total',
    kind: 'counter',
    help: 'Responses sent to proxies, by resource type.',
    labels: ['type'],
  },
  {
    name: 'smi_xds_pushed_resources_total',
    kind: 'counter',
    help: 'Resources in those responses, removals included, by resource type.',
    labels: ['type'],
  },
  {
    name: 'smi_xds_pushed_bytes_total',
    kind: 'counter',
    help: 'Bytes of those responses, by resource type.',
    labels: ['type'],
  },
  {
    name: 'smi_xds_acks_total',
    kind: 'counter',
    help: 'Responses that proxies accepted, by resource type.',
    labels: ['type'],
  },
  {
    name: 'smi_xds_nacks_total',
    kind: 'counter',
    help: 'Versions that proxies refused, by resource type.',
    labels: ['type'],
  },
  {
    name: 'smi_xds_ack_duration_seconds',
    kind: 'histogram',
    help: 'From sending a response to its acceptance, by resource type.',
    labels: ['type'],
    buckets: ANSWERING,
  },
  {
    name: 'smi_xds_failures_total',
    kind: 'counter',
    help: 'Streams ended by a bug of the control plane.',
    labels: [],
  },
  {
    name: 'smi_identity_certificate_expiry_seconds',
    kind: 'gauge',
    help: 'Time until the first certificate in use expires; NaN where none is in use.',
    labels: [],
  },
  {
    name: 'smi_identity_failing_certificates',
    kind: 'gauge',
    help: 'Identities in want of a certificate that could not be issued when last tried.',
    labels: [],
  },
  {
    name: 'smi_identity_root_expiry_seconds',
    kind: 'gauge',
    help: 'Time until a root expires, by its role (next, signing, retiring; trusted where an authority is provided).',
    labels: ['role'],
  },
  {
    name: 'smi_identity_issued_total',
    kind: 'counter',
    help: 'Certificates issued, by reason (first, renewal, replacement).',
    labels: ['reason'],
  },
  { name: 'smi_identity_failures_total', kind: 'counter', help: 'Certificates that could not be issued.', labels: [] },
  {
    name: 'smi_identity_store_failures_total',
    kind: 'counter',
    help: 'Times that identities could not be kept, by what (authority, leaves, credentials).',
    labels: ['what'],
  },
  {
    name: 'smi_webhook_duration_seconds',
    kind: 'histogram',
    help: "From the API server's question to our answer, by path (/convert, /validate, /inject) and HTTP status.",
    labels: ['path', 'status'],
    buckets: ANSWERING,
  },
  {
    name: 'smi_process_event_loop_delay_seconds',
    kind: 'gauge',
    help: 'How late the process ran what was due since the last scrape (p50, p99, max).',
    labels: ['quantile'],
  },
] as const

export const METRICS: readonly MetricDescription[] = TABLE.map(row => ({
  ...row,
  buckets: 'buckets' in row ? row.buckets : [],
}))

/** The page of the documentation. */
export function metricsPage(): string {
  const rows = METRICS.map(({ name, kind, labels, help }) => {
    const list = labels.map(label => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${kind} | ${list} | ${help} |`
  })
  return [
    '# Metrics of the control plane',
    '',
    'Served at `/metrics` of the admin address. This page is made from `operator/src/telemetry/catalogue.ts`; a test keeps them equal.',
    '',
    '| name | kind | labels | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
    '## What to watch',
    '',
    "- `smi_identity_certificate_expiry_seconds` below a quarter of the certificates' life: renewal has stopped. The log says why.",
    '- `smi_identity_root_expiry_seconds{role="signing"}` below a third of the root\'s life: rotation has stopped.',
    '- `smi_xds_lagging_streams` above zero for minutes: some proxy does not answer, or refuses what it is sent.',
    '- `rate(smi_xds_nacks_total)` above zero: an object has the condition `Programmed=False`; `/debug/findings` names it.',
    '- `sum(smi_leader_leads)` other than 1 for a minute: nobody writes status, or the API server cannot be reached.',
    '- `smi_status_pending` above zero for minutes: statuses lag behind; the log says which write fails.',
    '- `smi_source_audit_differences_total` above zero: a watch lost something; please report it.',
    '- `rate(smi_settle_recomputed_total)` that grows with the mesh and not with its changes: a bug; please report it.',
    '',
  ].join('\n')
}

/**
 * Probes of an application, answered by the proxy beside it: the kubelet has no identity of the mesh and would be refused at the
 * application's own ports. A probe asks what it asked before; a dead application fails it.
 */
import type { JsonValue } from '../proto/index.ts'
import { APPLICATION_DSCP, TRAFFIC_CLASS } from './ports.ts'

/** What stands behind one path of the proxy's probe port. */
export type Probe = {
  /** Where it is asked for: exactly this path. */
  readonly path: string
  readonly port: number
  readonly timeoutS: number
} & (
  | { readonly kind: 'http'; readonly scheme: 'HTTP' | 'HTTPS'; readonly target: string }
  | { readonly kind: 'tcp'; readonly periodS: number }
  | { readonly kind: 'grpc'; readonly periodS: number; readonly service: string }
)

/** A request for a path, byte for byte, that carries no query and no body: nothing else comes through a probe. */
export function exactly(path: string): JsonValue[] {
  return [
    { name: ':path', string_match: { exact: path } },
    { name: ':method', string_match: { exact: 'GET' } },
    ...['content-length', 'transfer-encoding', 'upgrade'].map(name => ({
      name,
      present_match: true,
      invert_match: true,
    })),
  ]
}

/** Answers of HTTP probes come from the application itself; the others from what the proxy sees of its port. */
export function probeRoute(probe: Probe): JsonValue {
  const match = { path: probe.path, headers: exactly(probe.path) }
  if (probe.kind !== 'http') return { match, direct_response: { status: 503 } } // never reached: see `probeFilters`
  return {
    match,
    route: {
      cluster: probeCluster(probe),
      timeout: `${probe.timeoutS}s`,
      idle_timeout: `${probe.timeoutS}s`, // of the listener it is five minutes, and a hook may be silent for longer
      prefix_rewrite: probe.target,
    },
    // The kubelet would follow a redirect to this port. Without the header it takes the answer for the success that it is.
    response_headers_to_remove: ['location'],
  }
}

/** Filters that answer for the probes which are no requests: 200 while the port passes, 503 while it does not. */
export function probeFilters(probes: readonly Probe[]): JsonValue[] {
  return probes
    .filter(probe => probe.kind !== 'http')
    .map(probe => ({
      name: 'envoy.filters.http.health_check',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck',
        pass_through_mode: false,
        headers: exactly(probe.path),
        cluster_min_healthy_percentages: { [probeCluster(probe)]: { value: 100 } },
      },
    }))
}

/** However long an answer may take: the application is in this very pod. */
const LONGEST_CONNECTING_S = 30

/** One cluster for each port and way of asking it, at the pod's own address: where the kubelet would have asked. */
export function probeClusters(probes: readonly Probe[], address: string): JsonValue[] {
  const byName = new Map(probes.map(probe => [probeCluster(probe), probe]))
  return [...byName].map(([name, probe]) => ({
    name,
    type: 'STATIC',
    connect_timeout: `${Math.min(probe.timeoutS, LONGEST_CONNECTING_S)}s`,
    load_assignment: {
      cluster_name: name,
      endpoints: [
        { lb_endpoints: [{ endpoint: { address: { socket_address: { address, port_value: probe.port } } } }] },
      ],
    },
    upstream_bind_config: applicationBinding(address),
    ...asking(probe),
  }))
}

function probeCluster(probe: Probe): string {
  switch (probe.kind) {
    case 'http':
      return `probe:${probe.scheme.toLowerCase()}:${probe.port}`
    case 'tcp':
      return `probe:tcp:${probe.port}:${probe.periodS}:${probe.timeoutS}`
    case 'grpc':
      return `probe:grpc:${probe.port}:${probe.service}:${probe.periodS}:${probe.timeoutS}`
  }
}

function asking(probe: Probe): Readonly<Record<string, JsonValue>> {
  switch (probe.kind) {
    case 'http':
      return { ...HTTP_OPTIONS('http_protocol_options'), ...(probe.scheme === 'HTTPS' ? UNVERIFIED_TLS : {}) }
    case 'tcp':
      return { health_checks: [{ ...timing(probe), tcp_health_check: {} }] }
    case 'grpc':
      return {
        ...HTTP_OPTIONS('http2_protocol_options'),
        health_checks: [{ ...timing(probe), grpc_health_check: { service_name: probe.service } }],
      }
  }
}

/** Twice in a period while all is well, so that the kubelet never hears of yesterday; each second while it is not. */
function timing({ periodS, timeoutS }: { readonly periodS: number; readonly timeoutS: number }) {
  const well = `${Math.max(1, Math.floor(periodS / 2))}s`
  return {
    timeout: `${timeoutS}s`,
    interval: well,
    unhealthy_interval: '1s',
    no_traffic_interval: '1s',
    no_traffic_healthy_interval: well,
    unhealthy_threshold: 1,
    healthy_threshold: 1,
    // An open connection says nothing of whether the next one would be taken.
    reuse_connection: false,
  }
}

const HTTP_OPTIONS = (spoken: string): Readonly<Record<string, JsonValue>> => ({
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      // A probe is a connection of its own, as it was.
      common_http_protocol_options: { max_requests_per_connection: 1 },
      explicit_http_config: { [spoken]: {} },
    },
  },
})

/** "If scheme is HTTPS, the kubelet skips certificate verification": the same here, and the connection stays in the pod. */
const UNVERIFIED_TLS: Readonly<Record<string, JsonValue>> = {
  transport_socket: {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      common_tls_context: { tls_params: { tls_maximum_protocol_version: 'TLSv1_3' } },
    },
  },
}

/** What `applicationBinding` says to clusters that come over the stream. */
function applicationBinding(address: string): JsonValue {
  const family = address.includes(':') ? 'ipv6' : 'ipv4'
  const { level, name } = TRAFFIC_CLASS[family]
  return {
    source_address: { address: family === 'ipv6' ? '::' : '0.0.0.0', port_value: 0 },
    socket_options: [
      {
        description: 'to the application of this pod',
        level,
        name,
        int_value: APPLICATION_DSCP << 2,
        state: 'STATE_PREBIND',
      },
    ],
  }
}

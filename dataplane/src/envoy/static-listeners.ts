/**
 * What a sidecar answers by itself, before and whatever it is told over the stream: whether it is ready, the probes of its
 * application, and its numbers. Exact paths alone; whatever else is asked gets 404.
 */
import type { JsonValue } from '../proto/index.ts'
import type { StaticResources } from './bootstrap.ts'
import { READY_PORT, STATS_PORT } from './ports.ts'
import { exactly, type Probe, probeClusters, probeFilters, probeRoute } from './probe.ts'

export interface StaticListenerOptions {
  readonly adminSocket: string
  /** The pod's own address, where its application is asked. */
  readonly podIp: string
  /** Whether the pod has an address of IPv6: only then is that family sure to exist. */
  readonly hasIpv6: boolean
  readonly probes: readonly Probe[]
}

export function staticListeners(options: StaticListenerOptions): StaticResources {
  const { adminSocket, podIp, hasIpv6, probes } = options
  return {
    listeners: [
      listener('ready', READY_PORT, hasIpv6, probeFilters(probes), [asked('/ready'), ...probes.map(probeRoute)]),
      listener('stats', STATS_PORT, hasIpv6, [], [asked('/stats/prometheus')]),
    ],
    clusters: [adminCluster(adminSocket), ...probeClusters(probes, podIp)],
  }
}

const ADMIN = 'admin'

/** Of all that the admin side can do, this path and nothing after it. */
function asked(path: string): JsonValue {
  return { match: { path, headers: exactly(path) }, route: { cluster: ADMIN, timeout: '10s' } }
}

function adminCluster(path: string): JsonValue {
  return {
    name: ADMIN,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: ADMIN,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }],
    },
  }
}

/** Not the connection manager of `connection-manager.ts`: paths are compared as they were sent, and HTTP/1.1 is all there is. */
function listener(name: string, port: number, hasIpv6: boolean, filters: JsonValue[], routes: JsonValue[]): JsonValue {
  const at = (address: string) => ({ address: { socket_address: { address, port_value: port } } })
  return {
    name,
    ...at('0.0.0.0'),
    ...(hasIpv6 ? { additional_addresses: [at('::')] } : {}),
    // Answers while connections of the application are drained, and when there are too many of them.
    drain_type: 'MODIFY_ONLY',
    ignore_global_conn_limit: true,
    bypass_overload_manager: true,
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: connectionManager(name, filters, routes),
          },
        ],
      },
    ],
  }
}

function connectionManager(name: string, filters: JsonValue[], routes: JsonValue[]): JsonValue {
  return {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: name,
    codec_type: 'HTTP1',
    generate_request_id: false,
    use_remote_address: true,
    skip_xff_append: true,
    common_http_protocol_options: { idle_timeout: '30s' },
    request_headers_timeout: '10s',
    route_config: {
      name,
      virtual_hosts: [{ name, domains: ['*'], routes }],
      // What Envoy adds by itself was in no probe.
      request_headers_to_remove: ['x-forwarded-proto', 'x-envoy-internal', 'x-envoy-external-address'],
    },
    http_filters: [
      ...filters,
      {
        name: 'envoy.filters.http.router',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
          suppress_envoy_headers: true,
        },
      },
    ],
  }
}

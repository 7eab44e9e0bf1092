/** Chains for bytes: where they go, or that they go nowhere. */
import type { Route, RouteAction, ServicePortKey } from '../mesh/index.ts'
import type { AccessLog } from '../proto/gen/envoy/config/accesslog/v3/accesslog.ts'
import type { Filter } from '../proto/gen/envoy/config/listener/v3/listener_components.ts'
import { Config as DirectResponse } from '../proto/gen/envoy/extensions/filters/network/direct_response/v3/config.ts'
import { TcpProxy, UpstreamConnectMode } from '../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts'
import { filter } from '../proto/index.ts'
import { NEVER } from './duration.ts'

/** The action for a connection: of the first route that asks nothing of requests. */
export function connectionAction(routes: readonly Route[]): RouteAction | undefined {
  return routes.find(route => route.match.kind === 'any')?.action
}

/** Bytes to the backends of an action, or the end of the connection where it refuses. */
export function tcpFilter(
  action: RouteAction | undefined,
  clusterOf: (backend: ServicePortKey) => string,
  accessLog: readonly AccessLog[],
): Filter {
  if (action === undefined || action.kind === 'refuse') return CLOSE
  const [only] = action.backends
  if (only !== undefined && action.backends.length === 1)
    return tcpToCluster(clusterOf(only.backend), 'outbound', accessLog)
  const clusters = action.backends.map(({ backend, weight }) => ({ name: clusterOf(backend), weight }))
  return tcpProxy({ $case: 'weightedClusters', weightedClusters: { clusters } }, 'outbound', accessLog)
}

export function tcpToCluster(
  cluster: string,
  direction: 'inbound' | 'outbound',
  accessLog: readonly AccessLog[],
): Filter {
  return tcpProxy({ $case: 'cluster', cluster }, direction, accessLog)
}

/** The same behind TLS between sidecars: the application hears nothing of a caller who fails the handshake. */
export function provedTcpToCluster(cluster: string, accessLog: readonly AccessLog[]): Filter {
  return tcpProxy({ $case: 'cluster', cluster }, 'inbound', accessLog, UpstreamConnectMode.ON_DOWNSTREAM_TLS_HANDSHAKE)
}

/** A connection pool of a database may rest for days; TCP keepalive finds out about dead peers. */
function tcpProxy(
  clusterSpecifier: NonNullable<TcpProxy['clusterSpecifier']>,
  statPrefix: string,
  accessLog: readonly AccessLog[],
  upstreamConnectMode: UpstreamConnectMode = UpstreamConnectMode.IMMEDIATE,
): Filter {
  return filter('envoy.filters.network.tcp_proxy', TcpProxy, {
    statPrefix,
    clusterSpecifier,
    idleTimeout: NEVER,
    ...(upstreamConnectMode === UpstreamConnectMode.IMMEDIATE
      ? {}
      : { upstreamConnectMode, maxEarlyDataBytes: EARLY_BYTES }),
    accessLog,
  })
}

/** How much may arrive before the connection onwards stands. */
const EARLY_BYTES = 65_536

/** Ends a connection without a byte. */
export const CLOSE: Filter = filter('envoy.filters.network.direct_response', DirectResponse, {})

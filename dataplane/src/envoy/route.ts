/** What a request becomes: the routes of a service port, and those that guard an application. */
import type { Access, Route, ServicePortKey, ServiceRoutes, WeightedBackend } from '../mesh/index.ts'
import type { RouteConfiguration } from '../proto/gen/envoy/config/route/v3/route.ts'
import type {
  Route as EnvoyRoute,
  HeaderMatcher,
  RetryPolicy,
  RouteAction,
  VirtualHost,
} from '../proto/gen/envoy/config/route/v3/route_components.ts'
import { PreviousHostsPredicate } from '../proto/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.ts'
import { any } from '../proto/index.ts'
import { RBAC_FILTER } from './connection-manager.ts'
import { NEVER } from './duration.ts'
import { REASON, reasonHeader, UNSENT_HEADER } from './local-reply.ts'
import { routeMatch } from './match.ts'
import { REFUSED } from './names.ts'
import { httpAccess } from './rbac.ts'

/** The routes of a service port, or of one pod of it: `clusterOf` says where a backend is. */
export function routeConfiguration(
  name: string,
  { routes }: Pick<ServiceRoutes, 'routes'>,
  clusterOf: (backend: ServicePortKey) => string,
): RouteConfiguration {
  return configuration(name, {
    retryPolicy: OUTBOUND_RETRIES,
    routes: routes.map(each => route(name, each, clusterOf)),
  })
}

/** The routes of a service that a caller is not told of: the request ends before it leaves the pod. */
export function refusedRouteConfiguration(name: string): RouteConfiguration {
  const refused = { match: routeMatch({ kind: 'any' }), ...refusal(403, REASON.outOfReach) }
  // At the capture listener nobody knows which service was asked for.
  return configuration(name, { routes: [name === REFUSED ? refused : { name, ...refused }] })
}

/** The guard of one inbound port. All a TrafficTarget changes is in here, so no connection ends because of one. */
export function inboundRouteConfiguration(
  name: string,
  access: Omit<Access, 'key'>,
  applicationCluster: string,
): RouteConfiguration {
  const action: RouteAction = { clusterSpecifier: { $case: 'cluster', cluster: applicationCluster }, timeout: NEVER }
  const guarded: EnvoyRoute = {
    match: routeMatch({ kind: 'any' }),
    action: { $case: 'route', route: action },
    typedPerFilterConfig: { [RBAC_FILTER]: httpAccess(access) },
  }
  return configuration(name, { retryPolicy: INBOUND_RETRIES, routes: [guarded] })
}

/** An inbound port that nobody may use, whoever asks, and why. */
export function deniedRouteConfiguration(name: string, reason: string): RouteConfiguration {
  return configuration(name, { routes: [{ match: routeMatch({ kind: 'any' }), ...refusal(403, reason) }] })
}

/** By destination, never by `Host`: a header cannot steer a request into another service. */
function configuration(name: string, host: Pick<VirtualHost, 'routes' | 'retryPolicy'>): RouteConfiguration {
  return { name, virtualHosts: [{ name: 'all', domains: ['*'], ...host }], validateClusters: false }
}

/** A refusal is named for what was asked for, so that it can be counted there. */
function route(name: string, { match, action }: Route, clusterOf: (backend: ServicePortKey) => string): EnvoyRoute {
  if (action.kind === 'refuse') return { name, match: routeMatch(match), ...refusal(action.status, action.reason) }
  return { match: routeMatch(match), action: { $case: 'route', route: forward(action.backends, clusterOf) } }
}

function forward(backends: readonly WeightedBackend[], clusterOf: (backend: ServicePortKey) => string): RouteAction {
  const [only] = backends
  if (only !== undefined && backends.length === 1) {
    return { clusterSpecifier: { $case: 'cluster', cluster: clusterOf(only.backend) }, timeout: NEVER }
  }
  const clusters = backends.map(({ backend, weight }) => ({ name: clusterOf(backend), weight }))
  return { clusterSpecifier: { $case: 'weightedClusters', weightedClusters: { clusters } }, timeout: NEVER }
}

function refusal(status: number, reason: string): Pick<EnvoyRoute, 'action' | 'responseHeadersToAdd'> {
  const body = { specifier: { $case: 'inlineString', inlineString: `${reason}\n` } as const }
  return {
    action: { $case: 'directResponse', directResponse: { status, body } },
    // Here Envoy would read `%` as the beginning of a variable.
    responseHeadersToAdd: [reasonHeader(reason.replaceAll('%', '%%'))],
  }
}

const UNSENT: HeaderMatcher = {
  name: UNSENT_HEADER,
  headerMatchSpecifier: { $case: 'presentMatch', presentMatch: true },
}

/** Only what no application has seen is sent again, and then to another pod: so it is safe whatever the method. */
const OUTBOUND_RETRIES: RetryPolicy = {
  retryOn: 'connect-failure,refused-stream,reset-before-request,retriable-headers',
  retriableHeaders: [UNSENT],
  numRetries: 3,
  retryHostPredicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      configType: { $case: 'typedConfig', typedConfig: any(PreviousHostsPredicate, {}) },
    },
  ],
  hostSelectionRetryMaxAttempts: 5n,
}

/**
 * An application may close a connection in the moment we use it; it has read nothing then. By HTTP/2 it refuses what it
 * will not answer any more: "Any request that was sent on the reset stream can be safely retried" (RFC 9113, 8.7).
 */
const INBOUND_RETRIES: RetryPolicy = { retryOn: 'reset-before-request,refused-stream', numRetries: 5 }

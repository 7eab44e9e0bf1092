/**
 * What a proxy writes to its log. By default only what access control would have refused in audit mode: that is what the mode
 * is for. A line for every request costs about 2 µs and 500 bytes of it, so it is asked for.
 */

import type { AccessLog, AccessLogFilter } from '../proto/gen/envoy/config/accesslog/v3/accesslog.ts'
import { StdoutAccessLog } from '../proto/gen/envoy/extensions/access_loggers/stream/v3/stream.ts'
import { filter } from '../proto/index.ts'

export type AccessLogMode = 'off' | 'audit' | 'all'

/** Where RBAC leaves the verdict of rules that are not enforced. */
export const SHADOW = { http: 'envoy.filters.http.rbac', network: 'envoy.filters.network.rbac' } as const

const CONNECTION = {
  time: '%START_TIME%',
  caller: '%DOWNSTREAM_PEER_URI_SAN%',
  from: '%DOWNSTREAM_REMOTE_ADDRESS%',
  to: '%DOWNSTREAM_LOCAL_ADDRESS%',
  cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream: '%UPSTREAM_HOST%',
  duration_ms: '%DURATION%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  flags: '%RESPONSE_FLAGS%',
  termination: '%CONNECTION_TERMINATION_DETAILS%',
  upstream_failure: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  downstream_failure: '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%',
}

const REQUEST = {
  ...CONNECTION,
  method: '%REQ(:METHOD)%',
  authority: '%REQ(:AUTHORITY)%',
  // Neither query nor header values: they carry secrets. `ORIG` would be what a rewrite replaced, and there is none here.
  path: '%PATH(NQ:PATH)%',
  protocol: '%PROTOCOL%',
  status: '%RESPONSE_CODE%',
  details: '%RESPONSE_CODE_DETAILS%',
  grpc_status: '%GRPC_STATUS_NUMBER%',
  request_id: '%REQ(X-REQUEST-ID)%',
}

/** The log of one filter chain, `http` or `network` by what it speaks. */
export function accessLogs(mode: AccessLogMode, speaks: Speaks, direction: Direction): readonly AccessLog[] {
  if (mode === 'all') return EVERYTHING[speaks][direction]
  return mode === 'audit' && direction === 'inbound' ? DENIED[speaks] : []
}

type Speaks = keyof typeof SHADOW
type Direction = 'inbound' | 'outbound'

function log(speaks: Speaks, direction: Direction): AccessLog {
  const fields = {
    direction,
    ...(speaks === 'http' ? REQUEST : CONNECTION),
    audit: `%DYNAMIC_METADATA(${SHADOW[speaks]}:shadow_engine_result)%`,
    audit_rule: `%DYNAMIC_METADATA(${SHADOW[speaks]}:shadow_effective_policy_id)%`,
  }
  return filter('envoy.access_loggers.stdout', StdoutAccessLog, {
    accessLogFormat: {
      $case: 'logFormat',
      logFormat: { format: { $case: 'jsonFormat', jsonFormat: fields }, omitEmptyValues: true },
    },
  })
}

/** Encoded once: every chain of every listener has one of these. */
const EVERYTHING = {
  http: { inbound: [log('http', 'inbound')], outbound: [log('http', 'outbound')] },
  network: { inbound: [log('network', 'inbound')], outbound: [log('network', 'outbound')] },
}
const DENIED = {
  http: EVERYTHING.http.inbound.map(each => ({ ...each, filter: wouldBeDenied('http') })),
  network: EVERYTHING.network.inbound.map(each => ({ ...each, filter: wouldBeDenied('network') })),
}

function wouldBeDenied(speaks: Speaks): AccessLogFilter {
  const matcher = {
    filter: SHADOW[speaks],
    path: [{ segment: { $case: 'key', key: 'shadow_engine_result' } as const }],
    value: {
      matchPattern: {
        $case: 'stringMatch',
        stringMatch: { matchPattern: { $case: 'exact', exact: 'denied' } },
      } as const,
    },
  }
  return { filterSpecifier: { $case: 'metadataFilter', metadataFilter: { matcher, matchIfKeyNotFound: false } } }
}

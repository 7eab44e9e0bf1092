/**
 * The one function that builds an HttpConnectionManager, so that no chain can forget what makes access control by path sound
 * (normalisation) or what an application would miss behind a proxy (upgrades, trailers, streams without end).
 */

import type { AccessLog } from '../proto/gen/envoy/config/accesslog/v3/accesslog.ts'
import type { HeaderMutation as Mutation } from '../proto/gen/envoy/config/common/mutation_rules/v3/mutation_rules.ts'
import {
  type Http2ProtocolOptions,
  HttpProtocolOptions_HeadersWithUnderscoresAction,
} from '../proto/gen/envoy/config/core/v3/protocol.ts'
import type { Filter } from '../proto/gen/envoy/config/listener/v3/listener_components.ts'
import { RBAC } from '../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac.ts'
import { Router } from '../proto/gen/envoy/extensions/filters/http/router/v3/router.ts'
import {
  HttpConnectionManager_ForwardClientCertDetails as ClientCert,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManager,
  HttpConnectionManager_ServerHeaderTransformation,
  type LocalReplyConfig,
} from '../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts'
import { HeaderMutation } from '../proto/gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation.ts'
import type { Duration } from '../proto/gen/google/protobuf/duration.ts'
import { extension, filter } from '../proto/index.ts'
import { ADS } from './address.ts'
import { NEVER } from './duration.ts'

export const RBAC_FILTER = 'envoy.filters.http.rbac'

/** How many kilobytes of headers a message may have: Envoy's 60 are too few for some single sign-on cookies. */
export const MAX_HEADERS_KB = 96
const MAX_HEADERS = 1000

/** A message that is malformed or has one very long header ends itself, not the connection that it shares with others. */
export const FORBEARING: Http2ProtocolOptions = {
  overrideStreamErrorOnInvalidHttpMessage: true,
  maxHeaderFieldSizeKb: MAX_HEADERS_KB,
}

export interface ConnectionManagerOptions {
  readonly direction: 'inbound' | 'outbound'
  /** Who is on the other side: only a proved identity is handed on (x-forwarded-client-cert). */
  readonly caller: 'application' | 'identified' | 'unidentified'
  /** The RouteConfiguration that holds all that changes. */
  readonly routes: string
  readonly replies: LocalReplyConfig
  readonly accessLog: readonly AccessLog[]
  /** What becomes of `%2F` in a path: an application that decodes it sees another path than the rules were asked about. */
  readonly escapedSlashes: 'reject' | 'keep'
  /** Whether requests without an id get one: for logs that shall be joined. */
  readonly requestIds: boolean
  /** How long a connection without a request stays open; Envoy's own measure is an hour. */
  readonly idle?: Duration
  /** One request and no more: for connections whose next request may be meant for another listener. */
  readonly once?: boolean
}

export function connectionManager(options: ConnectionManagerOptions): Filter {
  return filter('envoy.filters.network.http_connection_manager', HttpConnectionManager, {
    statPrefix: options.direction,
    routeSpecifier: { $case: 'rds', rds: { configSource: ADS, routeConfigName: options.routes } },
    httpFilters: options.direction === 'inbound' ? [ACCESS_CONTROL, ROUTER] : [ROUTER],
    accessLog: options.accessLog,
    localReplyConfig: options.replies,
    ...paths(options.escapedSlashes),
    ...protocols(options),
    ...trust(options),
    // A stream may be silent for a day, and an upload may take one.
    streamIdleTimeout: NEVER,
    requestTimeout: NEVER,
  })
}

/** Judged by the same path that the application will see. */
function paths(escapedSlashes: 'reject' | 'keep'): Partial<HttpConnectionManager> {
  return {
    normalizePath: true,
    mergeSlashes: true,
    pathWithEscapedSlashesAction:
      escapedSlashes === 'reject' ? EscapedSlashes.REJECT_REQUEST : EscapedSlashes.KEEP_UNCHANGED,
  }
}

/** Whatever the two applications could say to each other without us. */
function protocols({ idle, once = false }: ConnectionManagerOptions): Partial<HttpConnectionManager> {
  return {
    httpProtocolOptions: { enableTrailers: true, acceptHttp10: true, defaultHostForHttp10: 'localhost' },
    http2ProtocolOptions: { allowConnect: true, ...FORBEARING },
    commonHttpProtocolOptions: {
      maxHeadersCount: MAX_HEADERS,
      ...(idle === undefined ? {} : { idleTimeout: idle }),
      ...(once ? { maxRequestsPerConnection: 1 } : {}),
      headersWithUnderscoresAction: HttpProtocolOptions_HeadersWithUnderscoresAction.ALLOW,
    },
    maxRequestHeadersKb: MAX_HEADERS_KB,
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    proxy100Continue: true,
    serverHeaderTransformation: HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH,
  }
}

/** Nobody steers a proxy by headers, and `x-forwarded-for` passes as it came: we are no hop anyone chose. */
function trust({ caller, requestIds }: ConnectionManagerOptions): Partial<HttpConnectionManager> {
  return {
    useRemoteAddress: false,
    internalAddressConfig: { unixSockets: false },
    earlyHeaderMutationExtensions: [DISTRUST],
    generateRequestId: requestIds,
    preserveExternalRequestId: true,
    ...(caller === 'identified'
      ? { forwardClientCertDetails: ClientCert.SANITIZE_SET, setCurrentClientCertDetails: { uri: true } }
      : { forwardClientCertDetails: ClientCert.SANITIZE }),
  }
}

/**
 * Request headers that are Envoy's own or ours: some steer its router, of others applications believe that a proxy wrote them
 * (`x-envoy-external-address`, `x-envoy-attempt-count`). No proxy of ours writes any, so whoever did was somebody else.
 */
const DISTRUSTED = ['x-envoy-', 'x-smi-'].map(
  (prefix): Mutation => ({
    action: {
      $case: 'removeOnMatch',
      removeOnMatch: { keyMatcher: { matchPattern: { $case: 'prefix', prefix } } },
    },
  }),
)

const DISTRUST = extension('envoy.http.early_header_mutation.header_mutation', HeaderMutation, {
  mutations: DISTRUSTED,
})

/** Without rules of its own: each route brings them. A route without any would let everything in, so none is built. */
const ACCESS_CONTROL = filter(RBAC_FILTER, RBAC, {})

const ROUTER = filter('envoy.filters.http.router', Router, { suppressEnvoyHeaders: true })

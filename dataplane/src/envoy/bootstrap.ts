/**
 * What an Envoy must know to become a sidecar: who it is, where its configuration comes from, and what it must not spend
 * memory on. Plain JSON, as Envoy's `--config-path` reads it; everything else comes over the stream.
 */
import type { SpiffeId } from '../mesh/index.ts'
import type { JsonValue } from '../proto/index.ts'
import { STAT_SCOPE } from './stat-scope.ts'
import { fromFile, type TokenFiles, tokenFilter } from './token.ts'

export interface BootstrapOptions {
  /** `<pod>.<namespace>`. */
  readonly nodeId: string
  /** The workload, for people who read `/server_info` and logs. */
  readonly nodeCluster: string
  readonly admin:
    | { readonly kind: 'port'; readonly address: string; readonly port: number }
    | { readonly kind: 'socket'; readonly path: string }
  readonly xds: {
    readonly address: string
    readonly port: number
    readonly security: XdsSecurity
  }
  /** Connections from applications and peers together. */
  readonly maxConnections?: number
  /** What the proxy answers by itself, whatever it is told over the stream. */
  readonly statics?: StaticResources
  /**
   * `told`: answers nobody before it has been told everything, however long that takes. `15s`: goes on without what is
   * missing. The first is for a pod whose application must not run unguarded.
   */
  readonly begin?: 'told' | '15s'
}

export interface StaticResources {
  readonly listeners: readonly JsonValue[]
  readonly clusters: readonly JsonValue[]
}

/**
 * `plaintext` is for one machine only: whoever can reach the port is believed. `token`: TLS, and each stream bears what the
 * token's file holds when it begins.
 */
export type XdsSecurity =
  | { readonly kind: 'plaintext' }
  | { readonly kind: 'mtls'; readonly files: CredentialFiles; readonly server: SpiffeId }
  | { readonly kind: 'token'; readonly files: TokenFiles; readonly server: SpiffeId }

/** Paths of PEM files, all in one folder that is watched, and of the two descriptions of them (see `credentialDescriptions`). */
export interface CredentialFiles {
  readonly folder: string
  readonly certificate: string
  readonly privateKey: string
  readonly roots: string
  readonly identityDescription: string
  readonly rootsDescription: string
}

/** The usual names in a folder. */
export function credentialFiles(folder: string): CredentialFiles {
  return {
    folder,
    certificate: `${folder}/certificate.pem`,
    privateKey: `${folder}/key.pem`,
    roots: `${folder}/roots.pem`,
    identityDescription: `${folder}/identity.json`,
    rootsDescription: `${folder}/roots.json`,
  }
}

/**
 * What must stand in the two description files, by path. Envoy reads PEM files again when they are replaced only if a secret
 * says so, and a secret from a file is a file of its own. To rotate: write the new PEM files, move them over the old ones.
 */
export function credentialDescriptions(files: CredentialFiles): ReadonlyMap<string, JsonValue> {
  const watched = { watched_directory: { path: files.folder } }
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'
  const identity = {
    '@type': type,
    name: 'xds-identity',
    tls_certificate: {
      certificate_chain: { filename: files.certificate },
      private_key: { filename: files.privateKey },
      ...watched,
    },
  }
  const roots = {
    '@type': type,
    name: 'xds-roots',
    validation_context: { trusted_ca: { filename: files.roots }, ...watched },
  }
  return new Map([
    [files.identityDescription, { resources: [identity] }],
    [files.rootsDescription, { resources: [roots] }],
  ])
}

export function bootstrap(options: BootstrapOptions): JsonValue {
  const { listeners, clusters } = options.statics ?? { listeners: [], clusters: [] }
  const patience = options.begin === 'told' ? { initial_fetch_timeout: '0s' } : {}
  return {
    node: { id: options.nodeId, cluster: options.nodeCluster },
    admin: { address: adminAddress(options.admin) },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER, retry_policy: { retry_back_off: RECONNECTING } } }],
        set_node_on_first_message_only: true,
      },
      cds_config: { ads: {}, resource_api_version: 'V3', ...patience },
      lds_config: { ads: {}, resource_api_version: 'V3', ...patience },
    },
    static_resources: { listeners: [...listeners], clusters: [xdsCluster(options.xds), ...clusters] },
    stats_config: { stats_matcher: { inclusion_list: { patterns: KEPT_STATS } } },
    deferred_stat_options: { enable_deferred_creation_stats: true },
    overload_manager: overloadManager(options.maxConnections ?? DEFAULT_MAX_CONNECTIONS),
    layered_runtime: { layers: [{ name: 'static', static_layer: RUNTIME }] },
  }
}

const XDS_CLUSTER = 'xds'
/** Chance within these. Left alone, Envoy comes back half a minute after its control plane, and knows of no change until then. */
const RECONNECTING = { base_interval: '0.5s', max_interval: '10s' }
const DEFAULT_MAX_CONNECTIONS = 50_000

const RUNTIME = {
  // A user's expression may not cost a proxy its memory; the compiler refuses such ones first, this is the second wall.
  re2: { max_program_size: { error_level: 10_000, warn_level: 10_000 } },
  // Left alone, Envoy is content with one fitting line of a header that comes in several, and `x-role: admin` opens the door
  // to whatever stands in the next line. Lines are one value, as RFC 9110 §5.3 has it and as applications read them.
  'envoy.reloadable_features.match_headers_individually': false,
  'envoy.reloadable_features.rbac_match_headers_individually': false,
}

/**
 * Every other number is neither counted nor stored: with 2,000 services that is 86 MB less. Kept: ours, health of the proxy and
 * of its stream, and per cluster what tells a bad backend from a bad network.
 */
const KEPT_STATS: JsonValue = [
  ...[
    `${STAT_SCOPE}.`,
    'server.',
    'listener_manager.',
    'cluster_manager.',
    'control_plane.',
    'http.inbound.downstream_',
    'http.outbound.downstream_',
    // Less those of HTTP: the connections of opaque bytes, for which Envoy has no number.
    'listener.inbound.downstream_cx_active',
  ].map(prefix => ({ prefix })),
  ...[
    '.upstream_cx_active',
    '.upstream_cx_connect_fail',
    '.upstream_rq_active',
    '.upstream_rq_2xx',
    '.upstream_rq_4xx',
    '.upstream_rq_5xx',
    '.upstream_rq_retry',
    '.membership_healthy',
    '.membership_total',
    '.ssl.connection_error',
    '.ssl.fail_verify_error',
    '.ssl.fail_verify_san',
    '.rbac.allowed',
    '.rbac.denied',
    '.rbac.shadow_allowed',
    '.rbac.shadow_denied',
  ].map(suffix => ({ suffix })),
]

function adminAddress(admin: BootstrapOptions['admin']): JsonValue {
  return admin.kind === 'socket'
    ? { pipe: { path: admin.path, mode: 0o600 } }
    : { socket_address: { address: admin.address, port_value: admin.port } }
}

function overloadManager(maxConnections: number): JsonValue {
  return {
    resource_monitors: [
      {
        name: 'envoy.resource_monitors.global_downstream_max_connections',
        typed_config: {
          '@type':
            'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
          max_active_downstream_connections: maxConnections,
        },
      },
    ],
  }
}

function xdsCluster({ address, port, security }: BootstrapOptions['xds']): JsonValue {
  const name = XDS_CLUSTER
  return {
    name,
    type: /^[\d.]+$|:/.test(address) ? 'STATIC' : 'STRICT_DNS',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address, port_value: port } } } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: {
          // A control plane whose machine is gone closes nothing; without this a proxy would never look for another.
          http2_protocol_options: { connection_keepalive: { interval: '30s', timeout: '10s' } },
        },
        ...(security.kind === 'token' ? { http_filters: tokenFilter(security.files) } : {}),
      },
    },
    upstream_connection_options: { tcp_keepalive: {} },
    ...(security.kind === 'plaintext' ? {} : { transport_socket: xdsSocket(security) }),
  }
}

/** The control plane proves its SPIFFE ID, whatever name it was found by. */
function xdsSocket(security: Exclude<XdsSecurity, { readonly kind: 'plaintext' }>): JsonValue {
  const identity =
    security.kind === 'mtls' ? [{ name: 'xds-identity', sds_config: fromFile(security.files.identityDescription) }] : []
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      common_tls_context: {
        // A client of Envoy's goes up to 1.2 unless told otherwise.
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
        alpn_protocols: ['h2'],
        tls_certificate_sds_secret_configs: identity,
        combined_validation_context: {
          default_validation_context: {
            match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: security.server } }],
          },
          validation_context_sds_secret_config: {
            name: 'xds-roots',
            sds_config: fromFile(security.files.rootsDescription),
          },
        },
      },
    },
  }
}

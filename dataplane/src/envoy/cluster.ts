/** How something is connected to: service ports, single pods of a headless one, the application beside the proxy. */
import type { Endpoint, Ip, Port, Protocol, SpiffeId } from '../mesh/index.ts'
import type { CircuitBreakers } from '../proto/gen/envoy/config/cluster/v3/circuit_breaker.ts'
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  type Cluster_TransportSocketMatch,
} from '../proto/gen/envoy/config/cluster/v3/cluster.ts'
import type { TcpKeepalive } from '../proto/gen/envoy/config/core/v3/address.ts'
import type { Http1ProtocolOptions, Http2ProtocolOptions } from '../proto/gen/envoy/config/core/v3/protocol.ts'
import { HttpProtocolOptions } from '../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options.ts'
import { any } from '../proto/index.ts'
import { ADS } from './address.ts'
import { applicationBinding } from './application-mark.ts'
import { FORBEARING, MAX_HEADERS_KB } from './connection-manager.ts'
import { seconds } from './duration.ts'
import { loadAssignment, MESH_PEER, singleEndpoint } from './load-assignment.ts'
import { applicationClusterName, applicationPortClusterName, PASSTHROUGH } from './names.ts'
import { MESH_ALPN, meshUpstreamSocket, PLAIN_SOCKET } from './tls.ts'

/** Who answers behind a service port: the protocol of a connection is the cluster's, so it must suit all of them. */
export type Peers = 'mesh' | 'plain' | 'mixed'

export function peersOf(endpoints: readonly Endpoint[]): Peers {
  const mesh = endpoints.some(endpoint => endpoint.peer.kind === 'mesh')
  if (!endpoints.some(endpoint => endpoint.peer.kind === 'plain')) return 'mesh'
  return mesh ? 'mixed' : 'plain'
}

export interface ClusterOptions {
  readonly name: string
  /** Whose endpoints: shared by the two clusters of a port that speaks `auto`. */
  readonly endpointsOf: string
  readonly protocol: Protocol
  readonly identities: readonly SpiffeId[]
  readonly peers: Peers
}

/** One service port. */
export function cluster(options: ClusterOptions): Cluster {
  return {
    name: options.name,
    clusterDiscoveryType: { $case: 'type', type: Cluster_DiscoveryType.EDS },
    edsClusterConfig: {
      edsConfig: ADS,
      ...(options.name === options.endpointsOf ? {} : { serviceName: options.endpointsOf }),
    },
    // Not by fewest requests: an endpoint that refuses connections has none, and would be chosen again and again.
    lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
    ...connection(options),
  }
}

/** One pod of a headless service port. */
export function podCluster(name: string, endpoint: Endpoint, protocol: Protocol): Cluster {
  return {
    name,
    clusterDiscoveryType: { $case: 'type', type: Cluster_DiscoveryType.STATIC },
    loadAssignment: loadAssignment(name, [endpoint]),
    ...connection({
      protocol,
      identities: endpoint.peer.kind === 'mesh' ? [endpoint.peer.identity] : [],
      peers: peersOf([endpoint]),
    }),
  }
}

function connection(options: Pick<ClusterOptions, 'protocol' | 'identities' | 'peers'>): Partial<Cluster> {
  return {
    connectTimeout: seconds(CONNECT_TIMEOUT_S),
    circuitBreakers: UNLIMITED,
    upstreamConnectionOptions: { tcpKeepalive: KEEPALIVE },
    transportSocketMatches: options.identities.length === 0 ? [] : [meshSocket(options)],
    transportSocket: PLAIN_SOCKET,
    ...httpOptions(
      upstreamHttp(options.protocol, options.peers),
      options.peers === 'mesh' ? PEER_IDLE_S : SERVER_IDLE_S,
    ),
  }
}

/** Endpoints that are marked as peers get mTLS, all others the cluster's plain socket. */
function meshSocket({
  protocol,
  identities,
}: Pick<ClusterOptions, 'protocol' | 'identities'>): Cluster_TransportSocketMatch {
  const alpn = protocol === 'tcp' ? MESH_ALPN.bytes : MESH_ALPN.http
  return { name: 'mesh', match: { [MESH_PEER]: true }, transportSocket: meshUpstreamSocket(identities, alpn) }
}

type UpstreamHttp = 'http1' | 'http2' | 'as-it-came' | 'none'

/** HTTP/2 between sidecars is a third cheaper; a plain server of a port named `http` may know HTTP/1.1 alone. */
function upstreamHttp(protocol: Protocol, peers: Peers): UpstreamHttp {
  switch (protocol) {
    case 'http':
      return peers === 'mesh' ? 'http2' : 'http1'
    case 'http2':
      return 'http2'
    case 'auto':
      return 'as-it-came'
    case 'tcp':
      return 'none'
  }
}

/** The application behind a redirected connection: where the connection wanted to go. */
export function applicationCluster(speaks: Exclude<UpstreamHttp, 'none'>): Cluster {
  return {
    ...originalDestination(applicationClusterName(speaks)),
    upstreamBindConfig: applicationBinding(),
    ...httpOptions(speaks, SERVER_IDLE_S),
  }
}

/** The application of a loopback pod, at the address of its own. */
export function applicationPortCluster(address: Ip, port: Port, protocol: Protocol): Cluster {
  const name = applicationPortClusterName(port)
  return {
    name,
    clusterDiscoveryType: { $case: 'type', type: Cluster_DiscoveryType.STATIC },
    loadAssignment: singleEndpoint(name, address, port),
    connectTimeout: seconds(CONNECT_TIMEOUT_S),
    circuitBreakers: UNLIMITED,
    ...httpOptions(applicationHttp(protocol), SERVER_IDLE_S),
  }
}

/** How to speak to the application of an inbound port. */
export function applicationHttp(protocol: Protocol): Exclude<UpstreamHttp, 'none'> {
  if (protocol === 'http2') return 'http2'
  return protocol === 'http' ? 'http1' : 'as-it-came'
}

/** What is not of the mesh is reached as if we were not there. */
export function passthroughCluster(): Cluster {
  return originalDestination(PASSTHROUGH)
}

function originalDestination(name: string): Cluster {
  return {
    name,
    clusterDiscoveryType: { $case: 'type', type: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    connectTimeout: seconds(CONNECT_TIMEOUT_S),
    circuitBreakers: UNLIMITED,
    upstreamConnectionOptions: { tcpKeepalive: KEEPALIVE },
  }
}

const HTTP1: Http1ProtocolOptions = { enableTrailers: true }
/** A peer whose node has vanished answers no PING; waiting for TCP to find out takes a quarter of an hour. */
const HTTP2: Http2ProtocolOptions = {
  allowConnect: true,
  connectionKeepalive: { interval: seconds(30), timeout: seconds(10) },
  ...FORBEARING,
}
const EXTENSION = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

function httpOptions(speaks: UpstreamHttp, idleS: number): Partial<Cluster> {
  if (speaks === 'none') return {}
  const common = { idleTimeout: seconds(idleS), maxResponseHeadersKb: MAX_HEADERS_KB }
  const options = any(HttpProtocolOptions, {
    commonHttpProtocolOptions: common,
    upstreamProtocolOptions: spoken(speaks),
  })
  return { typedExtensionProtocolOptions: { [EXTENSION]: options } }
}

function spoken(speaks: Exclude<UpstreamHttp, 'none'>): NonNullable<HttpProtocolOptions['upstreamProtocolOptions']> {
  if (speaks === 'as-it-came') {
    const both = { httpProtocolOptions: HTTP1, http2ProtocolOptions: HTTP2 }
    return { $case: 'useDownstreamProtocolConfig', useDownstreamProtocolConfig: both }
  }
  return {
    $case: 'explicitHttpConfig',
    explicitHttpConfig: {
      protocolConfig:
        speaks === 'http2'
          ? { $case: 'http2ProtocolOptions', http2ProtocolOptions: HTTP2 }
          : { $case: 'httpProtocolOptions', httpProtocolOptions: HTTP1 },
    },
  }
}

const CONNECT_TIMEOUT_S = 5
/** Servers close an idle connection just when a request is on its way: Node after 5 s. Be earlier than the earliest. */
const SERVER_IDLE_S = 4
/** A peer's proxy keeps idle connections for an hour. */
const PEER_IDLE_S = 600

/** Connections of databases may be idle for days, but not with a peer that no longer exists. */
const KEEPALIVE: TcpKeepalive = { keepaliveTime: 120, keepaliveInterval: 30, keepaliveProbes: 4 }

const MANY = 4_294_967_295
/** Envoy's default of 1,024 connections and 3 retries at a time is a limit nobody asked for. */
const UNLIMITED: CircuitBreakers = {
  thresholds: [{ maxConnections: MANY, maxPendingRequests: MANY, maxRequests: MANY, maxRetries: MANY }],
}

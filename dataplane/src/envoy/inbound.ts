/**
 * The side that answers for an application: one listener for all its ports, which tells peers of the mesh (mTLS, by ALPN) from
 * everybody else and lets through what access control allows. Rules about requests live in RouteConfigurations; only those about
 * connections are in here.
 */
import { type Access, type Port, type Protocol, podAddress, type Workload } from '../mesh/index.ts'
import { TrafficDirection, type TransportSocket } from '../proto/gen/envoy/config/core/v3/base.ts'
import type { Listener } from '../proto/gen/envoy/config/listener/v3/listener.ts'
import type {
  Filter,
  FilterChain,
  FilterChainMatch,
  ListenerFilter,
} from '../proto/gen/envoy/config/listener/v3/listener_components.ts'
import { type AccessLogMode, accessLogs } from './access-log.ts'
import { anywhere, type IpFamilies, socketAddress } from './address.ts'
import { applicationHttp } from './cluster.ts'
import { connectionManager } from './connection-manager.ts'
import { seconds } from './duration.ts'
import { HTTP_PROTOCOLS, httpInspector, ORIGINAL_DESTINATION, SILENCE_S, TLS_INSPECTOR } from './listener-filter.ts'
import { inboundReplies } from './local-reply.ts'
import { applicationClusterName, applicationPortClusterName, INBOUND, inboundRouteName } from './names.ts'
import { notToItself } from './outbound.ts'
import { INBOUND_PORT } from './ports.ts'
import { admitsUnidentified, CLOSED, connectionPeers, type Gate, networkAccess } from './rbac.ts'
import { inboundHttpStats, inboundTcpStats } from './stats.ts'
import { CLOSE, provedTcpToCluster, tcpToCluster } from './tcp.ts'
import { MESH_ALPN, meshDownstreamSocket } from './tls.ts'

export interface InboundOptions {
  readonly accessLog: AccessLogMode
  readonly escapedSlashes: 'reject' | 'keep'
  readonly ipFamilies: IpFamilies
  /** The mesh's end of a handshake with anyone of the trust domain. */
  readonly members: TransportSocket
}

/** What the listener must know of access: all of it for bytes, the gate alone for ports that speak HTTP. */
export interface InboundAccess {
  readonly full: (port: Port) => Omit<Access, 'key'>
  readonly gate: (port: Port) => Gate
}

interface Guarded {
  readonly port: Port | 'other'
  readonly protocol: Protocol
  readonly workload: Workload
  readonly options: InboundOptions
  readonly full: () => Omit<Access, 'key'>
  readonly gate: () => Gate
}

/** Undefined where a loopback pod accepts nothing: there is no address to listen on. */
export function inboundListener(
  workload: Workload,
  access: InboundAccess,
  undeclared: Gate,
  options: InboundOptions,
): Listener | undefined {
  const place = listenerPlace(workload, options.ipFamilies)
  if (place === undefined) return undefined
  const ports = workload.inbound.flatMap(({ port, protocol }) =>
    portChains({ port, protocol, workload, options, full: () => access.full(port), gate: () => access.gate(port) }),
  )
  return {
    name: INBOUND,
    ...place,
    statPrefix: 'inbound',
    trafficDirection: TrafficDirection.INBOUND,
    listenerFilters: listenerFilters(workload),
    listenerFiltersTimeout: seconds(SILENCE_S),
    continueOnListenerFiltersTimeout: true,
    filterChains:
      workload.capture.kind === 'redirect'
        ? [notToItself(INBOUND_PORT), ...ports, ...undeclaredChains(workload, undeclared, options)]
        : ports,
  }
}

function listenerPlace(
  { capture, inbound }: Workload,
  families: IpFamilies,
): Pick<Listener, 'address' | 'additionalAddresses'> | undefined {
  if (capture.kind === 'redirect') return anywhere(INBOUND_PORT, families)
  const [first, ...others] = inbound.map(({ port }) => socketAddress(podAddress(capture.subnet), port))
  if (first === undefined) return undefined
  return { address: first, additionalAddresses: others.map(address => ({ address })) }
}

/** Nobody waits for HTTP on a port that is known to speak something, or known not to. */
function listenerFilters({ capture, inbound }: Workload): ListenerFilter[] {
  const known = inbound.filter(({ protocol }) => protocol !== 'auto').map(({ port }) => port)
  const sniffs = capture.kind === 'redirect' || known.length < inbound.length
  return [
    ...(capture.kind === 'redirect' ? [ORIGINAL_DESTINATION] : []),
    TLS_INSPECTOR,
    ...(sniffs ? [httpInspector(known)] : []),
  ]
}

const MESH_ANY: FilterChainMatch = { transportProtocol: 'tls', applicationProtocols: Object.values(MESH_ALPN) }
const MESH_HTTP: FilterChainMatch = { transportProtocol: 'tls', applicationProtocols: [MESH_ALPN.http] }
const MESH_BYTES: FilterChainMatch = { transportProtocol: 'tls', applicationProtocols: [MESH_ALPN.bytes] }
const PLAIN: FilterChainMatch = { transportProtocol: 'raw_buffer' }
const PLAIN_HTTP: FilterChainMatch = { transportProtocol: 'raw_buffer', applicationProtocols: HTTP_PROTOCOLS }
const ANYTHING_ELSE: FilterChainMatch = {}

/** A port's own protocol is what counts: whatever the caller took it for, rules about requests are asked of requests. */
function portChains(guarded: Guarded): FilterChain[] {
  switch (guarded.protocol) {
    case 'http':
    case 'http2': {
      const http = httpFilters(guarded)
      return [
        chain(guarded, 'mesh', MESH_ANY, http('identified')),
        chain(guarded, 'plain', PLAIN, http('unidentified')),
        chain(guarded, 'opaque', ANYTHING_ELSE, unidentifiedBytes(guarded)),
      ]
    }
    case 'tcp':
      return [
        meshBytesChain(guarded, 'mesh', MESH_ANY),
        chain(guarded, 'opaque', ANYTHING_ELSE, unidentifiedBytes(guarded)),
      ]
    case 'auto': {
      const http = httpFilters(guarded)
      return [
        chain(guarded, 'mesh', MESH_HTTP, http('identified')),
        meshBytesChain(guarded, 'mesh-bytes', MESH_BYTES),
        chain(guarded, 'plain', PLAIN_HTTP, http('unidentified')),
        chain(guarded, 'opaque', ANYTHING_ELSE, unidentifiedBytes(guarded)),
      ]
    }
  }
}

/** Ports that the pod does not declare: a client's Service may name one all the same. */
function undeclaredChains(workload: Workload, gate: Gate, options: InboundOptions): FilterChain[] {
  const full = () => ({ ...CLOSED, ...gate })
  return portChains({ port: 'other', protocol: 'auto', workload, options, full, gate: () => gate })
}

function chain(
  { port, options }: Guarded,
  who: 'mesh' | 'mesh-bytes' | 'plain' | 'opaque',
  match: FilterChainMatch,
  filters: readonly Filter[],
  transportSocket = options.members,
): FilterChain {
  const secured = who === 'mesh' || who === 'mesh-bytes' ? { transportSocket } : {}
  const filterChainMatch = port === 'other' ? match : { ...match, destinationPort: port }
  return { name: `${port}/${who}`, filterChainMatch, filters, ...secured }
}

/** Turns away in the handshake whom no rule lets in: a server that speaks first must not speak to them. */
function meshBytesChain(guarded: Guarded, who: 'mesh' | 'mesh-bytes', match: FilterChainMatch): FilterChain {
  const access = guarded.full()
  const identities = connectionPeers(access)
  if (identities === 'anyone') return chain(guarded, who, match, bytes(guarded, access, true))
  if (identities.length === 0) return chain(guarded, who, match, [CLOSE])
  const socket = meshDownstreamSocket({ kind: 'identities', identities })
  return chain(guarded, who, match, bytes(guarded, access, true), socket)
}

/** The filters for one kind of caller. What is logged is the same for both, and encoded once. */
function httpFilters({ port, workload, options }: Guarded): (caller: 'identified' | 'unidentified') => Filter[] {
  const accessLog = [inboundHttpStats(workload.owner, port), ...accessLogs(options.accessLog, 'http', 'inbound')]
  return caller => [
    connectionManager({
      direction: 'inbound',
      caller,
      routes: inboundRouteName(port),
      replies: inboundReplies(caller),
      accessLog,
      escapedSlashes: options.escapedSlashes,
      requestIds: options.accessLog === 'all',
    }),
  ]
}

function bytes({ port, protocol, workload, options }: Guarded, access: Omit<Access, 'key'>, proved: boolean): Filter[] {
  const logs = [inboundTcpStats(workload.owner, port), ...accessLogs(options.accessLog, 'network', 'inbound')]
  const cluster = inboundCluster(workload, port, protocol)
  return [networkAccess(access), proved ? provedTcpToCluster(cluster, logs) : tcpToCluster(cluster, 'inbound', logs)]
}

/** No identity, no rule that could hold: the gate decides alone, so a new rule leaves these chains as they are. */
function unidentifiedBytes(guarded: Guarded): Filter[] {
  const gate = guarded.gate()
  return admitsUnidentified(gate) ? bytes(guarded, { ...CLOSED, ...gate }, false) : [CLOSE]
}

/** The way to the application of one port. */
export function inboundCluster({ capture }: Workload, port: Port | 'other', protocol: Protocol): string {
  if (capture.kind === 'redirect' || port === 'other') return applicationClusterName(applicationHttp(protocol))
  return applicationPortClusterName(port)
}

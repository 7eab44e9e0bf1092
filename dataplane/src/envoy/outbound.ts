/**
 * The side that clients connect to: one listener per service port, reached by original destination (or, for pods that are
 * processes of one machine, on a socket of its own), and the listener that catches everything redirected.
 */
import type { Ip, Port, Protocol } from '../mesh/index.ts'
import { TrafficDirection } from '../proto/gen/envoy/config/core/v3/base.ts'
import type { Listener } from '../proto/gen/envoy/config/listener/v3/listener.ts'
import type { Filter, FilterChain } from '../proto/gen/envoy/config/listener/v3/listener_components.ts'
import type { Duration } from '../proto/gen/google/protobuf/duration.ts'
import { type AccessLogMode, accessLogs } from './access-log.ts'
import { anywhere, type IpFamilies, socketAddress } from './address.ts'
import { connectionManager } from './connection-manager.ts'
import { seconds } from './duration.ts'
import { HTTP_PROTOCOLS, httpInspector, SILENCE_S } from './listener-filter.ts'
import { outboundReplies } from './local-reply.ts'
import { CAPTURE, PASSTHROUGH, REFUSED } from './names.ts'
import { CAPTURE_PORT } from './ports.ts'
import { outboundHttpStats, outboundTcpStats } from './stats.ts'
import { CLOSE, tcpToCluster } from './tcp.ts'

export interface OutboundOptions {
  readonly accessLog: AccessLogMode
}

export interface ListenerPlace {
  readonly ips: readonly Ip[]
  readonly port: Port
  /** `redirected`: owns no socket, the capture listener hands over. */
  readonly socket: 'redirected' | 'own'
}

/** A service port, or one pod of it. `opaque` is what becomes of bytes; a port of protocol http never asks. */
export function outboundListener(
  name: string,
  place: ListenerPlace,
  protocol: Protocol,
  opaque: () => Filter,
  options: OutboundOptions,
): Listener | undefined {
  const [first, ...others] = place.ips
  if (first === undefined) return undefined
  return {
    name,
    address: socketAddress(first, place.port),
    additionalAddresses: others.map(ip => ({ address: socketAddress(ip, place.port) })),
    ...(place.socket === 'redirected' ? { bindToPort: false } : {}),
    statPrefix: 'outbound',
    trafficDirection: TrafficDirection.OUTBOUND,
    ...chains(name, protocol, opaque, options),
  }
}

function chains(name: string, protocol: Protocol, opaque: () => Filter, options: OutboundOptions): Partial<Listener> {
  switch (protocol) {
    case 'http':
    case 'http2':
      return { filterChains: [{ filters: [httpFilter(name, options)] }] }
    case 'tcp':
      return { filterChains: [{ filters: [opaque()] }] }
    case 'auto': {
      const http: FilterChain = {
        filterChainMatch: { applicationProtocols: HTTP_PROTOCOLS },
        filters: [httpFilter(name, options)],
      }
      return {
        listenerFilters: [httpInspector([])],
        listenerFiltersTimeout: seconds(SILENCE_S),
        continueOnListenerFiltersTimeout: true,
        filterChains: [http],
        defaultFilterChain: { filters: [opaque()] },
      }
    }
  }
}

type Brevity = { readonly idle: Duration; readonly once: boolean }

function httpFilter(routes: string, { accessLog }: OutboundOptions, brevity?: Brevity): Filter {
  return connectionManager({
    direction: 'outbound',
    caller: 'application',
    routes,
    replies: outboundReplies(),
    accessLog: [outboundHttpStats(), ...accessLogs(accessLog, 'http', 'outbound')],
    // The server's proxy decides; here it would only mean two places to look.
    escapedSlashes: 'keep',
    requestIds: accessLog === 'all',
    ...brevity,
  })
}

/** Logs of connections of opaque bytes. */
export function outboundTcpLogs({ accessLog }: OutboundOptions) {
  return [outboundTcpStats(), ...accessLogs(accessLog, 'network', 'outbound')]
}

/**
 * Hands each redirected connection to the listener of its destination. A proxy has listeners of the services it may call alone:
 * the cluster IPs of the others, `refused`, are answered here, or the call would leave the pod as plain text and be judged as
 * an unidentified caller's. What nobody claims goes where it wanted.
 */
export function captureListener(refused: readonly Ip[], families: IpFamilies, options: OutboundOptions): Listener {
  return {
    name: CAPTURE,
    ...anywhere(CAPTURE_PORT, families),
    useOriginalDst: true,
    statPrefix: 'outbound',
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [notToItself(CAPTURE_PORT), ...(refused.length === 0 ? [] : [refusing(refused, options)])],
    defaultFilterChain: {
      filters: [tcpToCluster(PASSTHROUGH, 'outbound', accessLogs(options.accessLog, 'network', 'outbound'))],
    },
  }
}

/**
 * Requests are told why. Bytes are no request, and who waits for the server to speak first hears nothing: both are closed. So is
 * a connection that was told: once its service may be called, another listener than this one answers, but only who connects anew.
 */
function refusing(ips: readonly Ip[], options: OutboundOptions): FilterChain {
  return {
    name: REFUSED,
    filterChainMatch: {
      prefixRanges: ips.map(addressPrefix => ({ addressPrefix, prefixLen: bits(addressPrefix) })),
    },
    filters: [httpFilter(REFUSED, options, { idle: seconds(SILENCE_S), once: true })],
  }
}

function bits(ip: Ip): number {
  return ip.includes(':') ? 128 : 32
}

/** Who connects to the listener's own port would otherwise be sent to itself, for ever. */
export function notToItself(port: Port): FilterChain {
  return { filterChainMatch: { destinationPort: port }, filters: [CLOSE] }
}

/**
 * How a proxy's connections to the application beside it are told from those to peers: by the DSCP of their packets, which
 * any process may set. Without it a pod that calls its own Service would reach its application past the inbound listener.
 */
import type { BindConfig } from '../proto/gen/envoy/config/core/v3/address.ts'
import { type SocketOption, SocketOption_SocketState } from '../proto/gen/envoy/config/core/v3/socket_option.ts'
import type { JsonValue } from '../proto/index.ts'
import { socketAddress } from './address.ts'

/** Of the pool that RFC 2474 leaves to local use; such packets never leave the pod. */
export const APPLICATION_DSCP = 43

/** Linux: level and name of IP_TOS and IPV6_TCLASS, whose upper six bits are the DSCP. */
const TRAFFIC_CLASS = { ipv4: { level: 0, name: 1 }, ipv6: { level: 41, name: 67 } } as const

/** For clusters that lead to the application. The address of the right family is chosen for each connection. */
export function applicationBinding(): BindConfig {
  return {
    sourceAddress: sourceOf('0.0.0.0'),
    socketOptions: [marking('ipv4')],
    extraSourceAddresses: [{ address: sourceOf('::'), socketOptions: { socketOptions: [marking('ipv6')] } }],
  }
}

/** The same as a bootstrap says it, for one address. */
export function applicationBindingJson(address: string): JsonValue {
  const family = address.includes(':') ? 'ipv6' : 'ipv4'
  const { level, name } = TRAFFIC_CLASS[family]
  return {
    source_address: { address: family === 'ipv6' ? '::' : '0.0.0.0', port_value: 0 },
    socket_options: [{ description: MEANING, level, name, int_value: APPLICATION_DSCP << 2, state: 'STATE_PREBIND' }],
  }
}

const MEANING = 'to the application of this pod'

function sourceOf(ip: string): NonNullable<BindConfig['sourceAddress']> {
  const { address } = socketAddress(ip, 0)
  return address?.$case === 'socketAddress' ? address.socketAddress : {}
}

function marking(family: keyof typeof TRAFFIC_CLASS): SocketOption {
  const { level, name } = TRAFFIC_CLASS[family]
  return {
    description: MEANING,
    level: BigInt(level),
    name: BigInt(name),
    value: { $case: 'intValue', intValue: BigInt(APPLICATION_DSCP << 2) },
    state: SocketOption_SocketState.STATE_PREBIND,
  }
}

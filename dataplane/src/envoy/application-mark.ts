/**
 * How a proxy's connections to the application beside it are told from those to peers: by the DSCP of their packets, which
 * any process may set. Without it a pod that calls its own Service would reach its application past the inbound listener.
 */
import type { BindConfig } from '../proto/gen/envoy/config/core/v3/address.ts'
import { type SocketOption, SocketOption_SocketState } from '../proto/gen/envoy/config/core/v3/socket_option.ts'
import { socketAddress } from './address.ts'
import { APPLICATION_DSCP, TRAFFIC_CLASS } from './ports.ts'

/** For clusters that lead to the application. The address of the right family is chosen for each connection. */
export function applicationBinding(): BindConfig {
  return {
    sourceAddress: sourceOf('0.0.0.0'),
    socketOptions: [marking('ipv4')],
    extraSourceAddresses: [{ address: sourceOf('::'), socketOptions: { socketOptions: [marking('ipv6')] } }],
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

/** Socket addresses and where configuration comes from: the two leaves nearly every resource ends in. */
import type { Port } from '../mesh/index.ts'
import type { Address } from '../proto/gen/envoy/config/core/v3/address.ts'
import { ApiVersion, type ConfigSource } from '../proto/gen/envoy/config/core/v3/config_source.ts'
import type { Listener } from '../proto/gen/envoy/config/listener/v3/listener.ts'

export function socketAddress(address: string, port: Port): Address {
  return {
    address: {
      $case: 'socketAddress',
      socketAddress: { address, portSpecifier: { $case: 'portValue', portValue: port } },
    },
  }
}

export type IpFamilies = 'ipv4' | 'dual'

/** Every address of the pod, for what is redirected. */
export function anywhere(port: Port, families: IpFamilies): Pick<Listener, 'address' | 'additionalAddresses'> {
  const ipv6 = families === 'dual' ? [{ address: socketAddress('::', port) }] : []
  return { address: socketAddress('0.0.0.0', port), additionalAddresses: ipv6 }
}

/** Everything comes over the one stream. */
export const ADS: ConfigSource = {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { $case: 'ads', ads: {} },
}

/** Socket addresses and where configuration comes from: the two leaves nearly every resource ends in. */
import type { Port } from '../mesh/index.ts'
import type { Address } from '../proto/gen/envoy/config/core/v3/address.ts'
import { ApiVersion, type ConfigSource } from '../proto/gen/envoy/config/core/v3/config_source.ts'

export function socketAddress(address: string, port: Port): Address {
  return {
    address: {
      $case: 'socketAddress',
      socketAddress: { address, portSpecifier: { $case: 'portValue', portValue: port } },
    },
  }
}

/** Everything comes over the one stream. */
export const ADS: ConfigSource = {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { $case: 'ads', ads: {} },
}

export type { JsonValue } from '@bufbuild/protobuf'
export { any, extension, filter, typeName, typeUrl } from './any.ts'
export { type DecodableType, decode, encode, type MessageType } from './encode.ts'
export {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
  Resource,
} from './gen/envoy/service/discovery/v3/discovery.ts'
export { messageBytes, messageJson } from './json.ts'

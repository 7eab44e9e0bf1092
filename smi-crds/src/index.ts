/** The SMI API: its kinds, what they mean, and what is wrong with an object. Knows neither Kubernetes clients nor Envoy. */

export { type ConvertResult, convert } from './convert.ts'
export { decode } from './decode.ts'
export type {
  Decoded,
  HTTPRoute,
  HTTPRouteGroupSpec,
  HubHTTPRouteGroup,
  HubIdentityBinding,
  HubMeta,
  HubObject,
  HubTCPRoute,
  HubTrafficSplit,
  HubTrafficTarget,
  HubUDPRoute,
  IdentityBindingSpec,
  LocalRef,
  PortRouteSpec,
  SplitBackend,
  Subject,
  TargetRule,
  TrafficSplitSpec,
  TrafficTargetSpec,
} from './hub.ts'
export { isSmi } from './identify.ts'
export type { Fields } from './json.ts'
export { apiVersionOf, KINDS, type KindInfo, type KindName, type SmiKind, type Version } from './kinds.ts'
export { misspelling } from './misspelling.ts'
export { withoutNulls } from './nulls.ts'
export type { Problem } from './problem.ts'
export { resembles } from './resembles.ts'
export { type JsonSchema, schemaOf } from './schemas.ts'
export type * from './types.gen.ts'
export { type Review, review, validate } from './validate.ts'
export { MAX_WEIGHT } from './weights.ts'

/** The SMI API: its kinds, what they mean, and what is wrong with an object. Knows neither Kubernetes clients nor Envoy. */

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
export type { Problem } from './problem.ts'

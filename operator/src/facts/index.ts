export { objectRef } from '../object-ref.ts'
export { FACT_KINDS, FactTables, type NameKey, nameKey, type ObjectChange } from './fact-tables.ts'
export type {
  ContainerPort,
  EndpointSliceFacts,
  HttpRouteFacts,
  HttpRouteGroupFacts,
  IdentityBindingFacts,
  NamespaceFacts,
  PodFacts,
  PortRouteFacts,
  RuleFacts,
  ServiceAccountFacts,
  ServiceFacts,
  ServiceName,
  ServicePortFacts,
  SliceEndpoint,
  SlicePort,
  Subject,
  SubjectFacts,
  TrafficSplitFacts,
  TrafficTargetFacts,
} from './facts.ts'
export { LIMITS } from './smi.ts'

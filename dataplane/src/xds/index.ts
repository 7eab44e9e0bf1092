/** What the rest of the product sees of the discovery server. */
export { Catalog, type Change, type Changes, type Revision } from './catalog.ts'
export { identityIn, type Peer } from './peer.ts'
export type { PeerProof, ReviewToken, TokenVerdict } from './proof.ts'
export type { ConnectedProxy, ProxyState, ProxyTypeState } from './proxy-state.ts'
export type { NodeInfo } from './request.ts'
export { type Resource, resource, type Version, versionOf } from './resource.ts'
export type { Response } from './response.ts'
export { type Admission, type XdsCounters, type XdsEvents, XdsServer, type XdsServerOptions } from './server.ts'
export {
  openSession,
  type Rejection,
  type Session,
  type SessionEvent,
  type Step,
  type TypeState,
} from './session.ts'
export { type Placed, Slots } from './slots.ts'
export { step } from './step.ts'
export type { LifeTiming, Reproof } from './stream-life.ts'
export { PUSH_ORDER, typeWord } from './type-url.ts'

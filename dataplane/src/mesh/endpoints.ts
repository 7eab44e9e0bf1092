/** Where a service port is served: the hot path, on its own, so that a pod coming or going touches nothing else. */
import type { SpiffeId } from './identity.ts'
import type { Ip, Port, ServicePortKey } from './keys.ts'

/** The ready endpoints, sorted by address. */
export interface Endpoints {
  readonly key: ServicePortKey
  readonly endpoints: readonly Endpoint[]
}

export interface Endpoint {
  readonly ip: Ip
  readonly port: Port
  /** The pod's name; empty for an address no pod of ours stands behind. */
  readonly pod: string
  /** The peer's identity where a sidecar answers (mTLS), or none (plain text). */
  readonly peer: { readonly kind: 'mesh'; readonly identity: SpiffeId } | { readonly kind: 'plain' }
  /** The top owner, for labels on metrics. */
  readonly owner: Owner
  readonly zone: string
}

/** The top owner of a pod: `Deployment shop/web`, never the ReplicaSet between. */
export interface Owner {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

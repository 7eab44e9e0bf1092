/** What a set of identical pods accepts and may call. */
import type { Owner } from './endpoints.ts'
import type { SpiffeId } from './identity.ts'
import type { Ip, Port, ServiceKey, WorkloadKey, WorkloadPortKey } from './keys.ts'
import type { TrafficMatch } from './match.ts'
import type { ObjectRef } from './object-ref.ts'
import type { Protocol } from './service.ts'

/**
 * Pods the mesh cannot tell apart. The key is made of pod facts alone (namespace, service account, labels without the
 * controllers' hashes, ports), so creating a Service never re-groups running pods. A loopback pod is told apart by its address.
 */
export interface Workload {
  readonly key: WorkloadKey
  readonly identity: SpiffeId
  readonly owner: Owner
  readonly capture: Capture
  /** Sorted by port. */
  readonly inbound: readonly InboundPort[]
  readonly from: readonly ObjectRef[]
}

/**
 * How traffic comes to the proxy. `redirect`: a network namespace of its own, packets rewritten, destinations recovered.
 * `loopback`: a pod that is a process of this machine and owns 127.<subnet>.0.0/16, whose proxy listens on real sockets (see `loopback.ts`).
 */
export type Capture =
  | { readonly kind: 'redirect' }
  | { readonly kind: 'loopback'; readonly subnet: number; readonly ip: Ip }

export interface InboundPort {
  readonly port: Port
  readonly protocol: Protocol
}

export type AccessMode = 'enforce' | 'audit' | 'permissive'

/** Who may use one inbound port of a workload. Without rules, `enforce` lets no identity in: the SMI default. */
export interface Access {
  readonly key: WorkloadPortKey
  readonly mode: AccessMode
  /** Callers that present no mesh identity. */
  readonly unidentified: 'deny' | 'allow'
  /** Sorted by name. Any one that fits, allows. */
  readonly rules: readonly AccessRule[]
}

export interface AccessRule {
  /** `traffictarget/<namespace>/<name>/<rule>`: the RBAC policy's name, seen in denials, logs and `explain`. */
  readonly name: string
  /** Sorted. */
  readonly sources: readonly SpiffeId[]
  /** Any one that fits (OR). On a port that speaks no HTTP only `any` can fit. */
  readonly matches: readonly TrafficMatch[]
  readonly from: readonly ObjectRef[]
}

/** The restricted services an identity may call at all, sorted: what its proxies are told of. Never the security boundary. */
export interface Reach {
  readonly identity: SpiffeId
  readonly services: readonly ServiceKey[]
}

/** How something is reached: what every client of a Service needs to know, apart from where its endpoints are. */
import type { SpiffeId } from './identity.ts'
import type { Ip, Port, ServiceKey, ServicePortKey } from './keys.ts'
import type { TrafficMatch } from './match.ts'
import type { ObjectRef } from './object-ref.ts'

/**
 * What is spoken on a port. `http`: HTTP/1.1 towards the application; `http2`: HTTP/2 throughout (h2c, gRPC);
 * `tcp`: bytes, the server may speak first; `auto`: nobody said, so each connection's first bytes decide.
 */
export type Protocol = 'http' | 'http2' | 'tcp' | 'auto'

/** Where clients send to: cluster IPs, or for a headless Service the pods themselves. */
export type ServiceAddress = { readonly kind: 'clusterIP'; readonly ips: readonly Ip[] } | { readonly kind: 'headless' }

export interface Service {
  readonly key: ServiceKey
  /** Every name clients use, shortest first: `web`, `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`. */
  readonly hosts: readonly string[]
  readonly address: ServiceAddress
  readonly ports: readonly ServicePort[]
  /** The identities of the pods behind it, sorted: the SANs a client accepts. Empty where no pod is in the mesh. */
  readonly identities: readonly SpiffeId[]
  readonly from: readonly ObjectRef[]
}

export interface ServicePort {
  readonly port: Port
  readonly name: string
  readonly protocol: Protocol
}

/** What a client's request to one service port becomes. Ordered, first match wins; the last one matches anything. */
export interface ServiceRoutes {
  readonly key: ServicePortKey
  readonly routes: readonly Route[]
}

export interface Route {
  readonly match: TrafficMatch
  readonly action: RouteAction
  /** Every line of Envoy configuration can name its authors. */
  readonly from: readonly ObjectRef[]
}

export type RouteAction =
  | { readonly kind: 'forward'; readonly backends: readonly WeightedBackend[] } // never empty, weights > 0
  | { readonly kind: 'refuse'; readonly status: number; readonly reason: string } // TCP: the connection is closed

export interface WeightedBackend {
  readonly backend: ServicePortKey
  readonly weight: number
}

/** Whether everyone may be told of a service, or only the identities that `reach` names. */
export type Exposure = 'open' | 'restricted'

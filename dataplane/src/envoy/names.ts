/** Every name a proxy knows a resource by, both ways. A name leads back to the object it is about: `shop/web:80`. */
import { type Ip, type Port, parseServicePortKey, type ServicePortKey } from '../mesh/index.ts'

/** The listener that all redirected outbound connections come to. */
export const CAPTURE = 'capture'
/** The listener of everything inbound. */
export const INBOUND = 'inbound'
/** Where connections go that are for no service of the mesh: where they wanted to. */
export const PASSTHROUGH = 'passthrough'

/** The chain and the routes that answer calls to services the caller may not call. */
export const REFUSED = 'refused'
/** The proxy's own certificate. */
export const IDENTITY_SECRET = 'identity'
/** The roots of the trust domain. */
export const BUNDLE_SECRET = 'trust-bundle'

/** One pod behind a headless service port, a destination of its own. */
export interface PodTarget {
  readonly service: ServicePortKey
  readonly ip: Ip
  readonly port: Port
}

export type OutboundTarget = { readonly service: ServicePortKey } | PodTarget

/** Listener, route configuration and cluster of a service port, or of one pod of a headless one. */
export function outboundName(target: OutboundTarget): string {
  return 'ip' in target ? `${target.service}/${target.ip}:${target.port}` : target.service
}

/** The cluster for opaque bytes beside one whose connections speak HTTP as the client does. */
export function opaqueClusterName(target: OutboundTarget): string {
  return `${outboundName(target)}/tcp`
}

/** The rules of one inbound port; `other` are the ports a pod does not declare. */
export function inboundRouteName(port: Port | 'other'): string {
  return `inbound:${port}`
}

/** How the proxy hands over to an application it finds by original destination. */
export function applicationClusterName(speaks: 'http1' | 'http2' | 'as-it-came'): string {
  return `application:${speaks}`
}

/** The application's socket of one port, where it has an address of its own. */
export function applicationPortClusterName(port: Port): string {
  return `application:${port}`
}

export type XdsName =
  | { readonly kind: 'service'; readonly service: ServicePortKey; readonly opaque: boolean }
  | { readonly kind: 'pod'; readonly target: PodTarget; readonly opaque: boolean }
  | { readonly kind: 'inbound'; readonly port: Port | 'other' }
  | { readonly kind: 'application'; readonly of: string }
  | { readonly kind: 'fixed'; readonly name: string }

const OUTBOUND = /^([^/]+\/[^/]+:\d+)(?:\/([^/]+):(\d+))?(\/tcp)?$/

/** What a name is about; `fixed` where it is one of the constants above or not ours. */
export function parseName(name: string): XdsName {
  const [, service, address, port, opaque] = OUTBOUND.exec(name) ?? []
  if (service !== undefined) {
    const key = service as ServicePortKey
    if (address === undefined) return { kind: 'service', service: key, opaque: opaque !== undefined }
    const target = { service: key, ip: address as Ip, port: Number(port) }
    return { kind: 'pod', target, opaque: opaque !== undefined }
  }
  const [, side, rest] = /^(inbound|application):(.+)$/.exec(name) ?? []
  if (rest === undefined) return { kind: 'fixed', name }
  if (side === 'application') return { kind: 'application', of: rest }
  return { kind: 'inbound', port: rest === 'other' ? rest : Number(rest) }
}

/** The Service behind a target, for labels and messages. */
export function serviceOf(target: OutboundTarget): string {
  return parseServicePortKey(target.service).service
}

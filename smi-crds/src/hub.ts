/**
 * The one form in which the rest of the product sees SMI objects, whatever version and spelling they were written in.
 *
 * Every field is present: what an object leaves out has its meaning here (an empty list, `undefined`), never a default
 * that a reader would have to know. Nothing here says whether what an object refers to exists.
 */

import type { Problem } from './problem.ts'

export interface HubMeta {
  readonly name: string
  /** `default` if the object names none. */
  readonly namespace: string
  /** RFC 3339, empty if the object has none (a file). */
  readonly creationTimestamp: string
  /** 0 if the object has none. */
  readonly generation: number
  /** Without those in which conversion keeps what a version cannot hold: their meaning is in the spec already. */
  readonly annotations: Readonly<Record<string, string>>
}

interface Hub<Kind extends string, Spec> {
  readonly kind: Kind
  /** As written, e.g. `split.smi-spec.io/v1alpha2`. */
  readonly apiVersion: string
  readonly metadata: HubMeta
  readonly spec: Spec
}

export interface SplitBackend {
  readonly service: string
  /** Whole, 0 to 1,000,000; only the ratio to the other weights of the split has meaning. */
  readonly weight: number
}

/** The name of an object of the same namespace. */
export interface LocalRef {
  readonly kind: string
  readonly name: string
}

export interface TrafficSplitSpec {
  /** The apex, as written: a short name, a name with its namespace, or a host name. */
  readonly service: string
  readonly backends: readonly SplitBackend[]
  /** Empty: the split takes every request. */
  readonly matches: readonly LocalRef[]
}

export interface HTTPRoute {
  readonly name: string
  /** Anchored at its beginning only, by the standard. `undefined`: any path. */
  readonly pathRegex: string | undefined
  /** Empty: all methods. Never holds `*`. */
  readonly methods: readonly string[]
  /** Lower-case names to patterns on the value; all of them must match. */
  readonly headers: Readonly<Record<string, string>>
}

export interface HTTPRouteGroupSpec {
  readonly matches: readonly HTTPRoute[]
}

/** What a TCPRoute or a UDPRoute says. */
export interface PortRouteSpec {
  readonly matches: {
    readonly name: string
    /** Empty: all ports. */
    readonly ports: readonly number[]
  }
}

export interface Subject {
  readonly kind: string
  readonly name: string
  /** `undefined`: the namespace of the TrafficTarget. A destination's is never another. */
  readonly namespace: string | undefined
  /** Of a destination: the one port which is opened; `undefined`: all that the rules open. Has no meaning on a source. */
  readonly port: number | undefined
}

export interface TargetRule {
  readonly kind: string
  readonly name: string
  /** Names of routes of an HTTPRouteGroup; `undefined`: all of them; empty: none, the rule allows nothing. */
  readonly matches: readonly string[] | undefined
}

/** Without a source or without a rule it allows nothing. */
export interface TrafficTargetSpec {
  readonly destination: Subject
  readonly sources: readonly Subject[]
  readonly rules: readonly TargetRule[]
}

/** Schemes are alternatives; at least one is there, and never both of podLabelSelector and serviceAccount. */
export interface IdentityBindingSpec {
  readonly schemes: {
    readonly podLabelSelector: { readonly matchLabels: Readonly<Record<string, string>> } | undefined
    readonly spiffeIdentities: readonly string[]
    readonly serviceAccount: string | undefined
  }
}

export type HubTrafficSplit = Hub<'TrafficSplit', TrafficSplitSpec>
export type HubTrafficTarget = Hub<'TrafficTarget', TrafficTargetSpec>
export type HubHTTPRouteGroup = Hub<'HTTPRouteGroup', HTTPRouteGroupSpec>
export type HubTCPRoute = Hub<'TCPRoute', PortRouteSpec>
export type HubUDPRoute = Hub<'UDPRoute', PortRouteSpec>
export type HubIdentityBinding = Hub<'IdentityBinding', IdentityBindingSpec>

export type HubObject =
  | HubTrafficSplit
  | HubTrafficTarget
  | HubHTTPRouteGroup
  | HubTCPRoute
  | HubUDPRoute
  | HubIdentityBinding

/** What `decode` answers: an object to work with and what its author should know, or why there is none. */
export type Decoded =
  | { readonly kind: 'ok'; readonly object: HubObject; readonly warnings: readonly Problem[] }
  | { readonly kind: 'rejected'; readonly problems: readonly Problem[] }

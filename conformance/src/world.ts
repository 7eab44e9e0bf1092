/** The words of the conformance suite: a world of plain Kubernetes objects, a request in it, and what may be observed. */

/** A Kubernetes object as it stands in YAML. Nothing about it is taken for granted. */
export type RawObject = Readonly<Record<string, unknown>>

/** Choices for the whole mesh that the SMI text leaves open. */
export interface WorldConfig {
  readonly trustDomain: string
  readonly clusterDomain: string
  readonly access: 'enforce' | 'audit' | 'permissive'
  readonly pathRegex: 'start' | 'full'
  readonly emptyBackends: 'skip' | 'fail'
}

export const DEFAULT_WORLD_CONFIG: WorldConfig = {
  trustDomain: 'cluster.local',
  clusterDomain: 'cluster.local',
  access: 'enforce',
  pathRegex: 'start',
  emptyBackends: 'skip',
}

export interface World {
  readonly config: WorldConfig
  readonly objects: readonly RawObject[]
}

export interface Name {
  readonly namespace: string
  readonly name: string
}

/** A pod of the world, or somebody of whom nothing is known and whom no sidecar serves. */
export type Caller = { readonly kind: 'pod'; readonly pod: Name } | { readonly kind: 'stranger' }

/** A port of a Service, or a port of one pod by its own address. */
export type Target =
  | { readonly kind: 'service'; readonly service: Name; readonly port: number }
  | { readonly kind: 'pod'; readonly pod: Name; readonly port: number }

/** Header fields in the order and case in which they are sent; `host` stands among them. */
export interface HttpCall {
  readonly kind: 'http'
  readonly method: string
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

export type Call = HttpCall | { readonly kind: 'tcp' }

export interface Request {
  readonly caller: Caller
  readonly target: Target
  readonly call: Call
}

/** One backend that a request may go to, how often it does, and what each of its pods would say. */
export interface BackendAnswer {
  readonly service: Name
  /** 0 to 1. The shares of an answer sum to 1. */
  readonly share: number
  /** Empty: nobody is there to answer. */
  readonly pods: readonly { readonly pod: Name; readonly verdict: Verdict }[]
}

/** What a pod's sidecar says to a request; without a sidecar nobody says no. */
export type Verdict = 'allows' | 'denies' | 'finds malformed'

/** What becomes of a request, by whoever is asked: the oracle, the model, or real proxies. */
export type Answer =
  | { readonly kind: 'malformed' }
  | { readonly kind: 'refused'; readonly reason: 'no-weight' }
  | { readonly kind: 'routed'; readonly backends: readonly BackendAnswer[] }

/**
 * What a caller can tell apart, as one word: `pod <namespace>/<name>`, `400`, `403`, `404`, `503`, or `closed` for bytes that
 * nobody takes.
 */
export type Outcome = `pod ${string}/${string}` | '400' | '403' | '404' | '503' | 'closed' | `unexpected ${string}`

/** A name as it is printed. */
export function nameText(name: Name): string {
  return `${name.namespace}/${name.name}`
}

/**
 * What a case of the conformance suite is: one behaviour of the SMI text as data, told apart from who is asked. The form in
 * which cases are written is `cases/case.schema.json`; `case/read.ts` turns the one into the other.
 */
import type { Call, RawObject } from './world.ts'

/** What all cases of a folder share: namespaces, workloads and Services, under names of the text's own examples. */
export interface Scene {
  readonly group: string
  readonly says: string
  /** The first one is where names without a namespace live. */
  readonly namespaces: readonly string[]
  readonly access: Access
  readonly workloads: readonly Workload[]
  readonly services: readonly RawObject[]
}

/** How a namespace treats callers: SMI's default, or nothing enforced; and callers of whom nothing is known. */
export interface Access {
  readonly mode: 'enforce' | 'permissive'
  readonly unidentified: 'deny' | 'allow'
}

/** Pods of one kind. All of them run the same application and differ in who they are. */
export interface Workload {
  readonly name: string
  readonly namespace: string
  readonly account: string
  readonly labels: Readonly<Record<string, string>>
  readonly replicas: number
  /** Whether a sidecar stands before its pods. */
  readonly meshed: boolean
}

export interface Case {
  /** `split/canary`, or `split/canary@v1alpha1` where its objects are rewritten into another version. */
  readonly id: string
  readonly file: string
  readonly title: string
  readonly scene: Scene
  /** The sentences of the text that it covers. */
  readonly spec: readonly string[]
  /** What it takes beside HTTP and the SMI objects themselves. */
  readonly needs: readonly Capability[]
  readonly access: Access
  readonly given: readonly RawObject[]
  readonly steps: readonly Step[]
}

export const CAPABILITIES = [
  'access-modes', // access control that can be switched on for one namespace alone
  'conditions', // what is wrong with an object is said in its status
  'grpc',
  'identity-bindings',
  'kubernetes-api', // objects are stored by an API server
  'metrics', // metrics.smi-spec.io
  'split-matches',
  'tcp',
  'udp',
  'versions', // an object may be written in one version and read in another
] as const
export type Capability = (typeof CAPABILITIES)[number]

/** Changes the world, then asks something of it. */
export interface Step {
  readonly apply: readonly RawObject[]
  readonly delete: readonly ObjectName[]
  /** Numbers of ready pods by workload. */
  readonly scale: Readonly<Record<string, number>>
  readonly ask: Ask | undefined
}

export interface ObjectName {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** A question and the only answer that does not contradict the text. */
export type Ask =
  | { readonly kind: 'call'; readonly when: When; readonly expected: CallExpectation }
  | { readonly kind: 'condition'; readonly of: ObjectName; readonly expected: ConditionExpectation }
  | { readonly kind: 'refused'; readonly object: RawObject }
  | { readonly kind: 'read'; readonly of: ObjectName; readonly version: string; readonly expected: RawObject }
  | { readonly kind: 'get'; readonly path: string; readonly expected: unknown; readonly unwanted: unknown }

export interface When {
  readonly from: string
  readonly to:
    | { readonly kind: 'service'; readonly namespace: string; readonly name: string; readonly port: number }
    | { readonly kind: 'pod'; readonly workload: string; readonly port: number }
  readonly call: Call | { readonly kind: 'grpc'; readonly path: string } | { readonly kind: 'udp' }
  readonly times: number
  /** `kept`: all calls of a case between the same two are made on one connection. */
  readonly connection: 'new' | 'kept'
}

export type CallExpectation =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'by'; readonly workloads: readonly string[]; readonly at: number | undefined }
  /** Whole numbers by workload; only their ratio counts. */
  | { readonly kind: 'shares'; readonly weights: Readonly<Record<string, number>> }
  | { readonly kind: 'denied'; readonly status: number; readonly reason: DenialReason | undefined }
  /** Nobody takes it: 503 for HTTP, a closed connection for bytes. */
  | { readonly kind: 'unavailable' }

/** Why a call is denied, for those who can tell. */
export type DenialReason = 'no-rule' | 'unidentified'

export interface ConditionExpectation {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason: string
}

/** What a reflector is given, and what it tells. */
import type { KubernetesClient, Resource } from '../kubernetes/index.ts'
import type { SourceChange } from './source.ts'

export interface ReflectorTiming {
  /** Objects in a page of a list. All of a page is held at once, as text and as objects, beside those of other kinds. */
  readonly pageSize: number
  /** The server is asked to end a watch after once to twice this time, so that connections spread over its replicas. */
  readonly watchMs: number
  /** A watch on which nothing comes for so long is begun anew: bookmarks come every minute. */
  readonly silenceMs: number
  readonly retryFirstMs: number
  readonly retryMostMs: number
  /** Between an empty list that would remove everything and the one that has to confirm it. */
  readonly confirmMs: number
  /** Between looks for a resource that is not served. */
  readonly absentMs: number
  /** Between audits; a fifth of it is chance. */
  readonly auditMs: number
}

export const DEFAULT_TIMING: ReflectorTiming = {
  pageSize: 100,
  watchMs: 300_000,
  silenceMs: 90_000,
  retryFirstMs: 200,
  retryMostMs: 8_000,
  confirmMs: 2_000,
  absentMs: 15_000,
  auditMs: 600_000,
}

/** How it stands. `absent`: the server has no such resource, so there is nothing to wait for. */
export type ReflectorState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'following' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failing'; readonly message: string }

export interface ReflectorObserver {
  readonly changes: (batch: readonly SourceChange[]) => void
  /** `state` or `synced` has changed. */
  readonly stated: () => void
  readonly event: (event: ReflectorEvent) => void
}

/** For those who count. */
export type ReflectorEvent =
  | { readonly kind: 'listed'; readonly objects: number; readonly changed: number; readonly removed: number }
  | { readonly kind: 'broken'; readonly error: unknown }
  | { readonly kind: 'audited'; readonly objects: number; readonly differences: number }

export interface ReflectorOptions {
  readonly client: KubernetesClient
  /** For people: `pods`. */
  readonly name: string
  /** Which resource to follow, asked before each watch; undefined where the server has none of the kind. */
  readonly find: (signal: AbortSignal) => Promise<Resource | undefined>
  readonly on: ReflectorObserver
  readonly random: () => number
  /** Milliseconds that never go backwards. */
  readonly now: () => number
  readonly timing?: Partial<ReflectorTiming>
}

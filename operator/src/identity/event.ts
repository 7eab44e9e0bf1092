/** What identities have to tell to whoever is on call: data, turned into logs and metrics elsewhere. */
import type { SpiffeId } from '@smi-mesh/dataplane/mesh'
import type { MeshError } from '../mesh-error.ts'
import type { RootView } from './authority.ts'

/** Why a leaf was made: the first of its identity, its time had come, or the old one proves nothing any more. */
export type IssueReason = 'first' | 'renewal' | 'replacement'

/** `first` of a failure: the others of the row are counted, not logged. */
export type IdentityEvent =
  | { readonly kind: 'issued'; readonly identity: SpiffeId; readonly reason: IssueReason; readonly notAfter: number }
  | { readonly kind: 'issueFailed'; readonly identity: SpiffeId; readonly first: boolean; readonly error: MeshError }
  | { readonly kind: 'issueRecovered'; readonly identity: SpiffeId; readonly attempts: number }
  | { readonly kind: 'rootsChanged'; readonly roots: readonly RootView[] }
  | {
      readonly kind: 'storeFailed'
      readonly what: 'authority' | 'leaves'
      readonly first: boolean
      readonly error: MeshError
    }
  | { readonly kind: 'storeRecovered'; readonly what: 'authority' | 'leaves' }
  | { readonly kind: 'leafDiscarded'; readonly what: string; readonly reason: string }
  | { readonly kind: 'clockStepped'; readonly byMs: number }

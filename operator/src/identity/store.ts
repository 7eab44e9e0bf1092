/** Where identities are remembered: the ports. Files in standalone mode; in a cluster the authority's state is a Secret. */
import type { IdentityCertificate, SpiffeId } from '@smi-mesh/dataplane/mesh'
import type { AuthorityState } from './rotation.ts'

/** Keeps an authority's state. Written before it is used, so a restart never knows less than the mesh does. */
export interface AuthorityStore {
  /** Undefined only where no state was ever kept; anything unreadable is a MeshError. */
  load(): Promise<AuthorityState | undefined>
  /** False where somebody else was first: then load. */
  create(state: AuthorityState): Promise<boolean>
  /** Fails with `StateConflict` unless what is kept is the revision before this one. */
  replace(state: AuthorityState): Promise<void>
}

/** A leaf and what the issuer knows of it. */
export interface Leaf {
  readonly certificate: IdentityCertificate
  /** The id of the root that signed it. */
  readonly root: string
  /** When to replace it, in milliseconds since the epoch. */
  readonly renewAt: number
}

/** Keeps leaves, so that a control plane that was killed sends no proxy anything new. A lost leaf is made anew. */
export interface LeafStore {
  load(): StoredLeaves
  save(leaf: Leaf): void
  remove(identity: SpiffeId): void
}

/** What was kept. Whether it is still valid is for the issuer to judge. */
export interface StoredLeaves {
  readonly leaves: readonly Leaf[]
  /** What was there and could not be read. */
  readonly damaged: readonly { readonly file: string; readonly reason: string }[]
}

/** Remembers leaves no longer than the process lives: every restart issues new ones. */
export function noLeafStore(): LeafStore {
  return { load: () => ({ leaves: [], damaged: [] }), save: () => {}, remove: () => {} }
}

/** Stores without a disk, which can be told to fail. What they hold outlives the control plane of a test. */
import type { SpiffeId } from '@smi-mesh/dataplane/mesh'
import { MeshError } from '../../mesh-error.ts'
import type { AuthorityState } from '../rotation.ts'
import type { AuthorityStore, Leaf, LeafStore } from '../store.ts'

export class MemoryAuthorityStore implements AuthorityStore {
  state: AuthorityState | undefined
  /** Every write fails: before it took effect, or after (the answer was lost). */
  broken: 'no' | 'before' | 'after' = 'no'
  writes = 0

  async load(): Promise<AuthorityState | undefined> {
    return this.state
  }

  async create(state: AuthorityState): Promise<boolean> {
    if (this.state !== undefined) return false
    this.#write(state)
    return true
  }

  async replace(state: AuthorityState): Promise<void> {
    if (this.state?.revision !== state.revision - 1) throw new MeshError('StateConflict', 'Somebody else was first.')
    this.#write(state)
  }

  #write(state: AuthorityState): void {
    this.writes++
    if (this.broken !== 'before') this.state = state
    if (this.broken !== 'no') throw new MeshError('StateUnavailable', 'The disk is full.')
  }
}

export class MemoryLeafStore implements LeafStore {
  readonly leaves = new Map<SpiffeId, Leaf>()
  broken = false

  load() {
    return { leaves: [...this.leaves.values()], damaged: [] }
  }

  save(leaf: Leaf): void {
    if (this.broken) throw new MeshError('StateUnavailable', 'The disk is full.')
    this.leaves.set(leaf.certificate.identity, leaf)
  }

  remove(identity: SpiffeId): void {
    this.leaves.delete(identity)
  }
}

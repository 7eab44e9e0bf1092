/**
 * Identities kept in a directory of files: `authority.json`, and one file for each leaf under `leaves/`.
 * What is in the first is `authority-text.ts`'s business.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { PrivateKey, parseSpiffeId } from '@smi-mesh/dataplane/mesh'
import { MeshError } from '../mesh-error.ts'
import { formatAuthority, parseAuthority } from './authority-text.ts'
import { readLeaf } from './certificate.ts'
import { FORMAT, number, reasonOf, record, string } from './kept-fields.ts'
import { type FileOperations, PrivateDirectory } from './private-files.ts'
import type { AuthorityState } from './rotation.ts'
import type { AuthorityStore, Leaf, LeafStore, StoredLeaves } from './store.ts'

const AUTHORITY = 'authority.json'
const LEAVES = 'leaves'

/** Both stores over one state directory, which is made if it is missing and refused if others may enter it. */
export function fileStores(directory: string, operations?: FileOperations): FileStores {
  const state = new PrivateDirectory(directory, operations)
  const leaves = new PrivateDirectory(join(directory, LEAVES), operations)
  return { authority: authorityStore(state, leaves), leaves: leafStore(leaves) }
}

export interface FileStores {
  readonly authority: AuthorityStore
  readonly leaves: LeafStore
}

function authorityStore(state: PrivateDirectory, leaves: PrivateDirectory): AuthorityStore {
  const path = join(state.path, AUTHORITY)
  const read = (): AuthorityState | undefined => {
    const text = state.read(AUTHORITY)
    if (text !== undefined) return parseAuthority(path, text)
    if (leaves.names().length === 0) return undefined
    const message = `${path} is missing, though certificates signed by that authority are in ${leaves.path}. Restore it from a backup, or remove ${state.path} to start with a new root, which every running proxy will refuse.`
    throw new MeshError('StateDamaged', message)
  }
  return {
    load: async () => read(),
    create: async next => state.create(AUTHORITY, formatAuthority(next)),
    replace: async next => {
      const revision = read()?.revision ?? 0
      if (revision !== next.revision - 1) {
        const message = `${path} is at revision ${revision} where ${next.revision - 1} was expected: another control plane uses this directory. Give each its own.`
        throw new MeshError('StateConflict', message)
      }
      state.replace(AUTHORITY, formatAuthority(next), { durable: true })
    },
  }
}

/** Not durable: a leaf lost in a power cut is issued anew, and waiting for the disk would hold up every first proxy. */
function leafStore(leaves: PrivateDirectory): LeafStore {
  const nameOf = (identity: string) => `${createHash('sha256').update(identity).digest('hex')}.json`
  return {
    load: () => loadLeaves(leaves),
    save: leaf => leaves.replace(nameOf(leaf.certificate.identity), formatLeaf(leaf), { durable: false }),
    remove: identity => leaves.remove(nameOf(identity)),
  }
}

/** What cannot be read is reported and cleared away: a leaf is made anew in a moment. */
function loadLeaves(directory: PrivateDirectory): StoredLeaves {
  const leaves: Leaf[] = []
  const damaged: { file: string; reason: string }[] = []
  for (const file of directory.names()) {
    try {
      leaves.push(parseLeaf(directory.read(file) ?? ''))
    } catch (error) {
      damaged.push({ file: join(directory.path, file), reason: reasonOf(error) })
      directory.remove(file)
    }
  }
  return { leaves, damaged }
}

function formatLeaf({ certificate: { identity, chain, privateKey }, root, renewAt }: Leaf): string {
  const written = { format: FORMAT, identity, root, renewAt, chain, privateKey: privateKey.reveal() }
  return `${JSON.stringify(written, undefined, 2)}\n`
}

function parseLeaf(text: string): Leaf {
  const fields = record(JSON.parse(text))
  if (fields['format'] !== FORMAT) throw new TypeError(`its format is not ${FORMAT}`)
  const identity = parseSpiffeId(string(fields, 'identity'))?.id
  if (identity === undefined) throw new TypeError('identity is not one of a mesh')
  const certificate = readLeaf(identity, string(fields, 'chain'), new PrivateKey(string(fields, 'privateKey')))
  return { certificate, root: string(fields, 'root'), renewAt: number(fields, 'renewAt') }
}

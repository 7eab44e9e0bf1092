/** Who signs for a mesh: the authority of a folder where one is named, else the mesh's own. */
import { Authority, type AuthorityOptions, type Signatory } from './authority.ts'
import { ProvidedAuthority } from './provided-authority.ts'

/** Rejects with a MeshError. Where a folder is named, nothing is ever kept or made in the store. */
export async function openAuthority(options: AuthorityOptions, folder: string | undefined): Promise<Signatory> {
  return folder === undefined ? Authority.open(options) : new ProvidedAuthority({ ...options, folder })
}

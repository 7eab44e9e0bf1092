/**
 * The text in which an authority's state is kept, whether in a file or in a Secret. Knows the format, and that state which makes
 * no sense is an error, never a reason to begin anew. The text holds private keys: no message quotes it.
 */
import { PrivateKey } from '@smi-mesh/dataplane/mesh'
import { MeshError } from '../mesh-error.ts'
import { readRoot } from './certificate.ts'
import { type Fields, FORMAT, list, number, reasonOf, record, string } from './kept-fields.ts'
import type { AuthorityState, RootState } from './rotation.ts'

export function formatAuthority({ trustDomain, revision, roots }: AuthorityState): string {
  const written = roots.map(({ root, ...place }) => ({
    ...place,
    certificate: root.certificate,
    privateKey: root.privateKey.reveal(),
  }))
  return `${JSON.stringify({ format: FORMAT, trustDomain, revision, roots: written }, undefined, 2)}\n`
}

/** `place` is where the text was found, for the message of the MeshError. */
export function parseAuthority(place: string, text: string): AuthorityState {
  try {
    const fields = record(JSON.parse(text))
    if (fields['format'] !== FORMAT) throw new TypeError(`its format is not ${FORMAT}`)
    const trustDomain = string(fields, 'trustDomain')
    const roots = list(fields, 'roots').map(entry => parseRoot(trustDomain, record(entry)))
    if (roots.filter(({ role }) => role === 'signing').length !== 1) throw new TypeError('not exactly one root signs')
    if (roots.filter(({ role }) => role === 'next').length > 1) throw new TypeError('more than one root is next')
    return { trustDomain, revision: number(fields, 'revision'), roots }
  } catch (error) {
    const message = `${place} cannot be used: ${reasonOf(error)}. Restore it from a backup; a new root would be refused by every running proxy, so none is made.`
    throw new MeshError('StateDamaged', message)
  }
}

function parseRoot(trustDomain: string, fields: Fields): RootState {
  const key = new PrivateKey(string(fields, 'privateKey'))
  const root = readRoot(trustDomain, string(fields, 'certificate'), key)
  const role = string(fields, 'role')
  if (role === 'next') return { role, root, readyAt: number(fields, 'readyAt') }
  if (role === 'signing' || role === 'retiring') return { role, root, signedUntil: number(fields, 'signedUntil') }
  throw new TypeError('a root has no role that is known')
}

/**
 * An authority's state in a Secret, shared by the replicas of a control plane. Every write names the version it replaces, so
 * that two who think they lead cannot undo each other.
 */
import { fieldsOf, textOf } from '../../facts/read.ts'
import { type KubernetesClient, nameText, type ObjectName, RESOURCES } from '../../kubernetes/index.ts'
import { MeshError, meshError } from '../../mesh-error.ts'
import { formatAuthority, parseAuthority } from '../authority-text.ts'
import type { AuthorityState } from '../rotation.ts'
import type { AuthorityStore } from '../store.ts'

const KEY = 'authority.json'

type Secrets = Pick<KubernetesClient, 'get' | 'create' | 'replace'>

export function secretStore(client: Secrets, at: ObjectName): AuthorityStore {
  const place = nameText(RESOURCES.secrets, at)
  return {
    load: async () => (await read(client, at, place))?.state,
    create: async state => {
      try {
        await client.create(RESOURCES.secrets, secret(at, state))
        return true
      } catch (error) {
        if (meshError(error, 'ApiConflict') !== undefined) return false
        throw unavailable(place, error)
      }
    },
    replace: async state => {
      const kept = await read(client, at, place)
      if (kept === undefined || kept.state.revision !== state.revision - 1) throw conflict(place)
      try {
        await client.replace(RESOURCES.secrets, secret(at, state, kept.resourceVersion))
      } catch (error) {
        throw meshError(error, 'ApiConflict', 'ApiNotFound') === undefined ? unavailable(place, error) : conflict(place)
      }
    },
  }
}

interface Kept {
  readonly state: AuthorityState
  readonly resourceVersion: string
}

async function read(client: Secrets, at: ObjectName, place: string): Promise<Kept | undefined> {
  const found = await client.get(RESOURCES.secrets, at).catch((error: unknown) => {
    if (meshError(error, 'ApiNotFound') !== undefined) return undefined
    throw unavailable(place, error)
  })
  if (found === undefined) return undefined
  const text = Buffer.from(textOf(fieldsOf(found['data'])[KEY]), 'base64').toString('utf8')
  return { state: parseAuthority(place, text), resourceVersion: textOf(fieldsOf(found['metadata'])['resourceVersion']) }
}

function secret({ namespace, name }: ObjectName, state: AuthorityState, resourceVersion?: string) {
  const version = resourceVersion === undefined ? {} : { resourceVersion }
  const labels = { 'app.kubernetes.io/managed-by': 'smi-mesh' }
  return {
    metadata: { namespace, name, labels, ...version },
    type: 'smi-mesh.dev/authority',
    data: { [KEY]: Buffer.from(formatAuthority(state)).toString('base64') },
  }
}

function conflict(place: string): MeshError {
  return new MeshError('StateConflict', `${place} was changed by somebody else meanwhile; it is read again.`)
}

/** The API server's sentence is about the request, never about what is in the Secret. */
function unavailable(place: string, error: unknown): MeshError {
  const why = error instanceof MeshError ? ` ${error.message}` : ''
  return new MeshError('StateUnavailable', `${place} can neither be read nor written now.${why}`, { cause: error })
}

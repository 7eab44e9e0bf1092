/** Checks of what users wrote, as far as they say it where the mesh listens: labels and annotations of namespaces, and objects of SMI. */
import { KINDS } from '@smi-mesh/smi-crds'
import { namespaceFacts } from '../facts/namespace.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import { RESOURCES, smiResource } from '../kubernetes/index.ts'
import { MeshError } from '../mesh-error.ts'
import { objectRef } from '../object-ref.ts'
import { itemsOf, type Look, nameOf, skipped } from './look.ts'

const INJECT = 'smi-mesh.dev/inject'
/** More than these are counted. */
const NAMED = 5

export const namespacesUnderstood: Look = async ({ api, signal }) => {
  const found = await itemsOf(() => api.list(RESOURCES.namespaces, { signal }))
  if (found instanceof MeshError) return skipped(found, 'namespaces')
  const wrong = found.flatMap(namespace => misunderstood(namespace).map(message => `${nameOf(namespace)}: ${message}`))
  return wrong.length === 0 ? { kind: 'fine' } : { kind: 'warning', message: wrong.join(' ') }
}

function misunderstood(namespace: Fields): readonly string[] {
  const { labels } = fieldsOf(namespace['metadata'])
  const said = fieldsOf(labels)[INJECT]
  const isRead = said === undefined || said === 'enabled' || said === 'disabled'
  const label = isRead ? [] : [`Label ${INJECT}: "${textOf(said)}" means nothing. Write enabled or disabled.`]
  const reduced = namespaceFacts(objectRef('v1', 'Namespace', '', nameOf(namespace)), namespace)
  return [...label, ...(reduced.kind === 'none' ? [] : reduced.findings.map(({ message }) => message))]
}

export const objectsInForce: Look = async ({ api, signal }) => {
  const wrong: string[] = []
  let objects = 0
  for (const kind of KINDS) {
    const found = await itemsOf(() => api.list(smiResource(kind, kind.hub), { signal }))
    if (found instanceof MeshError) return skipped(found, `objects of kind ${kind.kind}`)
    objects += found.length
    wrong.push(...found.flatMap(object => unfulfilled(kind.kind, object)))
  }
  if (wrong.length === 0) return { kind: 'fine', note: `${objects} objects` }
  const more = wrong.length > NAMED ? ` and ${wrong.length - NAMED} more` : ''
  const message = `Not all that they say is done: ${wrong.slice(0, NAMED).join(', ')}${more}. Their status says why: kubectl describe.`
  return { kind: 'warning', message }
}

/** `TrafficSplit shop/web (BackendNotFound)`. */
function unfulfilled(kind: string, object: Fields): readonly string[] {
  const { namespace, name } = fieldsOf(object['metadata'])
  const conditions = listOf(fieldsOf(object['status'])['conditions']).map(fieldsOf)
  const reasons = conditions.filter(({ status }) => status === 'False').map(({ reason }) => textOf(reason))
  if (reasons.length === 0) return []
  return [`${kind} ${textOf(namespace)}/${textOf(name)} (${[...new Set(reasons)].join(', ')})`]
}

/**
 * Where the roots of the mesh are published in a cluster: a ConfigMap in every namespace that has proxies, by which they verify
 * the control plane before they know anything else; and the webhook configurations and CRDs, by which the API server verifies
 * who answers it. Roots are no secret. Whoever may write the ConfigMap of a namespace may write its pods as well.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../../facts/read.ts'
import { type KubernetesClient, nameText, RESOURCES, type Resource } from '../../kubernetes/index.ts'
import { meshError } from '../../mesh-error.ts'
import type { Chore } from './upkeep.ts'

export interface TrustPlaces {
  readonly client: Pick<KubernetesClient, 'apply' | 'get'>
  readonly fieldManager: string
  /** Of the ConfigMaps. */
  readonly name: string
  /** Of the operator and its Services. */
  readonly namespace: string
}

export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/** The key in the ConfigMap, and the file's name where it is mounted. */
export const ROOTS_KEY = 'roots.pem'

/** The Service of ours that the API server calls. */
const SERVICE = 'smi-mesh'

/**
 * `roots` are PEM, one after the other. With `owner` goes the ConfigMap: something of the whole cluster, undefined where nothing is
 * installed.
 */
export function trustConfigMap(
  { client, fieldManager, name }: TrustPlaces,
  namespace: string,
  roots: string,
  owner: OwnerReference | undefined,
): Chore {
  const ownerReferences = owner === undefined ? {} : { ownerReferences: [owner] }
  const labels = { 'app.kubernetes.io/managed-by': 'smi-mesh' }
  const object = { metadata: { namespace, name, labels, ...ownerReferences }, data: { [ROOTS_KEY]: roots } }
  return {
    what: nameText(RESOURCES.configMaps, { namespace, name }),
    state: `${owner?.uid} ${roots}`,
    run: async signal => {
      // A namespace that goes takes everything along, and its going is on its way to us.
      await client.apply(RESOURCES.configMaps, object, { fieldManager, force: true, signal }).catch(unlessNotFound)
    },
  }
}

/**
 * Keeps up who is the owner of the ConfigMaps: the object of this name. One that was deleted and made again is another one, and what
 * the first one owned is taken away with it.
 */
export function ownerOf(
  { client }: TrustPlaces,
  resource: Resource,
  name: string,
  tell: (owner: OwnerReference | undefined) => void,
): Chore {
  const at = { namespace: '', name }
  return {
    what: `the UID of ${nameText(resource, at)}`,
    state: '',
    run: async signal => {
      const found = await client.get(resource, at, { signal }).catch(unlessNotFound)
      const uid = textOf(fieldsOf(found?.['metadata'])['uid'])
      const apiVersion = `${resource.group}/${resource.version}`
      tell(found === undefined ? undefined : { apiVersion, kind: resource.kind, name, uid })
    },
  }
}

/**
 * Of a webhook configuration, each of its webhooks; of a CRD, its conversion where that is ours. Where there is no such object,
 * nothing.
 */
export function caBundle(places: TrustPlaces, resource: Resource, name: string, roots: string): Chore {
  const { client, fieldManager, namespace } = places
  const at = { namespace: '', name }
  return {
    what: nameText(resource, at),
    state: roots,
    run: async signal => {
      const found = await client.get(resource, at, { signal }).catch(unlessNotFound)
      const bundle = Buffer.from(roots).toString('base64')
      const wanted = found === undefined ? undefined : withBundle(found, bundle, namespace)
      if (wanted === undefined) return
      await client.apply(resource, { metadata: { name }, ...wanted }, { fieldManager, force: true, signal })
    },
  }
}

/** Whether such an object knows one of these roots, each PEM; true of one that calls none of our webhooks, or is not there. */
export async function knowsRoots(
  { client, namespace }: Pick<TrustPlaces, 'client' | 'namespace'>,
  resource: Resource,
  name: string,
  roots: readonly string[],
): Promise<boolean> {
  const found = await client.get(resource, { namespace: '', name }).catch(unlessNotFound)
  const bundles = found === undefined ? [] : clientsOf(found, namespace).map(({ caBundle }) => textOf(caBundle))
  return bundles.every(bundle => {
    const known = Buffer.from(bundle, 'base64').toString()
    return roots.some(root => known.includes(root))
  })
}

/** The fields to apply; undefined where the object calls no webhook, or has the bundle already. */
function withBundle(object: Fields, bundle: string, namespace: string): Fields | undefined {
  if (clientsOf(object, namespace).every(({ caBundle }) => textOf(caBundle) === bundle)) return undefined
  const clientConfig = { caBundle: bundle }
  const webhooks = listOf(object['webhooks']).map(fieldsOf)
  if (webhooks.length > 0) return { webhooks: webhooks.map(({ name }) => ({ name, clientConfig })) }
  return { spec: { conversion: { strategy: 'Webhook', webhook: { clientConfig } } } }
}

/** How an object has the API server call webhooks: all those of a configuration, and of a CRD its conversion where that is ours. */
function clientsOf(object: Fields, namespace: string): readonly Fields[] {
  const webhooks = listOf(object['webhooks']).map(fieldsOf)
  if (webhooks.length > 0) return webhooks.map(({ clientConfig }) => fieldsOf(clientConfig))
  const conversion = fieldsOf(fieldsOf(object['spec'])['conversion'])
  const called = fieldsOf(fieldsOf(conversion['webhook'])['clientConfig'])
  const service = fieldsOf(called['service'])
  // A definition that came with somebody else may be converted by somebody else, with roots of its own.
  const isOurs = service['name'] === SERVICE && service['namespace'] === namespace
  return conversion['strategy'] === 'Webhook' && isOurs ? [called] : []
}

function unlessNotFound(error: unknown): undefined {
  if (meshError(error, 'ApiNotFound') === undefined) throw error
}

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
  /** Whose going takes the ConfigMaps along: something of the whole cluster. Left out where nothing is installed. */
  readonly owner?: OwnerReference
}

export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/** The key in the ConfigMap, and the file's name where it is mounted. */
export const ROOTS_KEY = 'roots.pem'

/** `roots` are PEM, one after the other. */
export function trustConfigMap(places: TrustPlaces, namespace: string, roots: string): Chore {
  const { client, fieldManager, name, owner } = places
  const ownerReferences = owner === undefined ? {} : { ownerReferences: [owner] }
  const labels = { 'app.kubernetes.io/managed-by': 'smi-mesh' }
  const object = { metadata: { namespace, name, labels, ...ownerReferences }, data: { [ROOTS_KEY]: roots } }
  return {
    what: nameText(RESOURCES.configMaps, { namespace, name }),
    state: roots,
    run: async signal => {
      // A namespace that goes takes everything along, and its going is on its way to us.
      await client.apply(RESOURCES.configMaps, object, { fieldManager, force: true, signal }).catch(unlessNotFound)
    },
  }
}

/** Of a webhook configuration, each of its webhooks; of a CRD, its conversion. Where there is no such object, nothing. */
export function caBundle(places: TrustPlaces, resource: Resource, name: string, roots: string): Chore {
  const { client, fieldManager } = places
  const at = { namespace: '', name }
  return {
    what: nameText(resource, at),
    state: roots,
    run: async signal => {
      const found = await client.get(resource, at, { signal }).catch(unlessNotFound)
      const wanted = found === undefined ? undefined : withBundle(found, Buffer.from(roots).toString('base64'))
      if (wanted === undefined) return
      await client.apply(resource, { metadata: { name }, ...wanted }, { fieldManager, force: true, signal })
    },
  }
}

/** The fields to apply; undefined where the object calls no webhook, or has the bundle already. */
function withBundle(object: Fields, bundle: string): Fields | undefined {
  const clientConfig = { caBundle: bundle }
  const holds = (config: unknown) => textOf(fieldsOf(config)['caBundle']) === bundle
  const webhooks = listOf(object['webhooks']).map(fieldsOf)
  if (webhooks.length > 0) {
    if (webhooks.every(webhook => holds(webhook['clientConfig']))) return undefined
    return { webhooks: webhooks.map(({ name }) => ({ name, clientConfig })) }
  }
  const conversion = fieldsOf(fieldsOf(object['spec'])['conversion'])
  if (conversion['strategy'] !== 'Webhook' || holds(fieldsOf(conversion['webhook'])['clientConfig'])) return undefined
  return { spec: { conversion: { strategy: 'Webhook', webhook: { clientConfig } } } }
}

function unlessNotFound(error: unknown): undefined {
  if (meshError(error, 'ApiNotFound') === undefined) throw error
}

/** Every resource of the Kubernetes API that the mesh reads or writes, spelled once, and where each is found. */
import { KINDS, type KindInfo } from '@smi-mesh/smi-crds'

export interface Resource {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

/** Which object of a resource; the namespace is empty for what has none. */
export interface ObjectName {
  readonly namespace: string
  readonly name: string
}

const core = (kind: string, plural: string): Resource => ({ group: '', version: 'v1', plural, kind, namespaced: true })
const grouped = (group: string, kind: string, plural: string, namespaced: boolean): Resource => {
  return { group, version: 'v1', plural, kind, namespaced }
}

export const RESOURCES = {
  pods: core('Pod', 'pods'),
  services: core('Service', 'services'),
  serviceAccounts: core('ServiceAccount', 'serviceaccounts'),
  configMaps: core('ConfigMap', 'configmaps'),
  secrets: core('Secret', 'secrets'),
  events: core('Event', 'events'),
  namespaces: { ...core('Namespace', 'namespaces'), namespaced: false },
  endpointSlices: grouped('discovery.k8s.io', 'EndpointSlice', 'endpointslices', true),
  replicaSets: grouped('apps', 'ReplicaSet', 'replicasets', true),
  statefulSets: grouped('apps', 'StatefulSet', 'statefulsets', true),
  daemonSets: grouped('apps', 'DaemonSet', 'daemonsets', true),
  leases: grouped('coordination.k8s.io', 'Lease', 'leases', true),
  tokenReviews: grouped('authentication.k8s.io', 'TokenReview', 'tokenreviews', false),
  subjectAccessReviews: grouped('authorization.k8s.io', 'SubjectAccessReview', 'subjectaccessreviews', false),
  selfSubjectAccessReviews: grouped(
    'authorization.k8s.io',
    'SelfSubjectAccessReview',
    'selfsubjectaccessreviews',
    false,
  ),
  mutatingWebhookConfigurations: grouped(
    'admissionregistration.k8s.io',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    false,
  ),
  validatingWebhookConfigurations: grouped(
    'admissionregistration.k8s.io',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    false,
  ),
  customResourceDefinitions: grouped(
    'apiextensions.k8s.io',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    false,
  ),
} as const satisfies Readonly<Record<string, Resource>>

/** A kind of SMI in one of its versions; which of them are served, discovery says. */
export function smiResource({ group, plural, kind }: KindInfo, version: string): Resource {
  return { group, version, plural, kind, namespaced: true }
}

/** The resource behind an `apiVersion` of SMI and a kind; undefined where SMI has no such kind. */
export function smiResourceOf(apiVersion: string, kind: string): Resource | undefined {
  const [group, version] = apiVersion.split('/')
  const info = KINDS.find(one => one.kind === kind && one.group === group)
  return info === undefined || version === undefined ? undefined : smiResource(info, version)
}

/** `v1`, `split.smi-spec.io/v1alpha4`. */
export function apiVersionText({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

/** `/apis/split.smi-spec.io/v1alpha4/namespaces/shop/trafficsplits`; of all namespaces where none is named. */
export function collectionPath(resource: Resource, namespace = ''): string {
  const root = resource.group === '' ? '/api' : `/apis/${resource.group}`
  const within = resource.namespaced && namespace !== '' ? `namespaces/${encodeURIComponent(namespace)}/` : ''
  return `${root}/${resource.version}/${within}${resource.plural}`
}

export function objectPath(resource: Resource, { namespace, name }: ObjectName): string {
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`
}

/** `trafficsplits.split.smi-spec.io shop/canary`, for messages. */
export function nameText({ plural, group }: Resource, { namespace, name }: ObjectName): string {
  const of = group === '' ? plural : `${plural}.${group}`
  return namespace === '' ? `${of} ${name}` : `${of} ${namespace}/${name}`
}

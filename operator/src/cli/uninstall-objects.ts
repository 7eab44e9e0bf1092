/** What an installation leaves in a cluster, by kind, in the order in which it can go without standing in anybody's way. */
import { KINDS } from '@smi-mesh/smi-crds'
import type { ObjectName, Resource } from '../kubernetes/index.ts'

export interface Installed {
  readonly resource: Resource
  /** Objects by name; none where `labelled` finds them. */
  readonly names: readonly string[]
  /** A label selector. */
  readonly labelled?: string
}

const NAME = 'smi-mesh'
const ADMISSION = 'admissionregistration.k8s.io'
const RBAC = 'rbac.authorization.k8s.io'

const namespaced = (group: string, kind: string, plural: string): Resource => ({
  ...{ group, version: 'v1', kind, plural },
  namespaced: true,
})
const clusterWide = (group: string, kind: string, plural: string): Resource => ({
  ...namespaced(group, kind, plural),
  namespaced: false,
})
const BINDINGS = clusterWide(RBAC, 'ClusterRoleBinding', 'clusterrolebindings')
const named = (resource: Resource, ...names: readonly string[]): Installed => ({ resource, names })

/**
 * Webhooks go first: with the operator gone, one that must answer holds up every pod. ConfigMaps of roots go with them, as
 * their dependents. Then the operator, its rights, what it wrote, and last what Helm remembers, so that whatever was broken
 * off can be taken up again.
 */
export const INSTALLED: readonly Installed[] = [
  named(clusterWide(ADMISSION, 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations'), NAME),
  named(clusterWide(ADMISSION, 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations'), NAME),
  named(namespaced('apps', 'Deployment', 'deployments'), NAME),
  named(namespaced('policy', 'PodDisruptionBudget', 'poddisruptionbudgets'), NAME),
  named(namespaced('networking.k8s.io', 'NetworkPolicy', 'networkpolicies'), NAME),
  named(namespaced('monitoring.coreos.com', 'PodMonitor', 'podmonitors'), NAME),
  named(namespaced('', 'Service', 'services'), NAME),
  named(BINDINGS, NAME),
  named(clusterWide(RBAC, 'ClusterRole', 'clusterroles'), NAME),
  named(namespaced(RBAC, 'RoleBinding', 'rolebindings'), NAME),
  named(namespaced(RBAC, 'Role', 'roles'), NAME),
  named(namespaced('coordination.k8s.io', 'Lease', 'leases'), NAME),
  named(namespaced('', 'ConfigMap', 'configmaps'), 'smi-mesh-refusals'),
  named(namespaced('', 'Secret', 'secrets'), 'smi-mesh-authority'),
  named(namespaced('', 'ServiceAccount', 'serviceaccounts'), NAME),
  { resource: namespaced('', 'Secret', 'secrets'), names: [], labelled: `owner=helm,name=${NAME}` },
]

/** Says in which namespace the mesh of a cluster lives, for as long as anything of the whole cluster is there but its role. */
export const ACCOUNT_BINDING: readonly [Resource, ObjectName] = [BINDINGS, { namespace: '', name: NAME }]

export const DEFINITIONS: Installed = named(
  clusterWide('apiextensions.k8s.io', 'CustomResourceDefinition', 'customresourcedefinitions'),
  ...KINDS.map(({ plural, group }) => `${plural}.${group}`),
)

export const NAMESPACES: Resource = { ...clusterWide('', 'Namespace', 'namespaces') }

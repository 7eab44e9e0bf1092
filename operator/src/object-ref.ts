/** The reference of a Kubernetes object: which API group a kind is taken to be of where nobody says. Knows no objects. */
import type { ObjectRef } from '@smi-mesh/dataplane/mesh'
import { KINDS } from '@smi-mesh/smi-crds'

/** Other kinds that are spoken of by their name alone; what is not here is of the core group. */
const GROUP_OF_KIND: ReadonlyMap<string, string> = new Map<string, string>([
  ['EndpointSlice', 'discovery.k8s.io'],
  ['DaemonSet', 'apps'],
  ['Deployment', 'apps'],
  ['ReplicaSet', 'apps'],
  ['StatefulSet', 'apps'],
  ['CronJob', 'batch'],
  ['Job', 'batch'],
  ...KINDS.map(({ kind, group }) => [kind, group] as const),
])

/**
 * What tells an object apart from all others. A knative Service is no Service of ours, nor is a TCPRoute of the Gateway API:
 * a group that the kind is not usually of stays in the reference.
 * @example objectRef('v1', 'Service', 'shop', 'web')                     // Service shop/web
 * @example objectRef('serving.knative.dev/v1', 'Service', 'shop', 'web') // Service.serving.knative.dev shop/web
 */
export function objectRef(apiVersion: string, kind: string, namespace: string, name: string): ObjectRef {
  const group = apiVersion.slice(0, Math.max(apiVersion.indexOf('/'), 0))
  return group === (GROUP_OF_KIND.get(kind) ?? '') ? { kind, namespace, name } : { group, kind, namespace, name }
}

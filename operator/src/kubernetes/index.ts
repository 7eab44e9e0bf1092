/** The Kubernetes API, as far as the mesh uses it. */
export {
  type Applying,
  KubernetesClient,
  type Listing,
  type Page,
  type ServedVersion,
  type Watching,
} from './client.ts'
export { type ClockDifferenceOptions, clockDifference } from './clock-difference.ts'
export { type ClusterChoice, type Connection, connect, type Kubeconfig, kubeconfigOf } from './connection.ts'
export { refusedInWatch } from './failure.ts'
export {
  apiVersionText,
  nameText,
  type ObjectName,
  RESOURCES,
  type Resource,
  smiResource,
  smiResourceOf,
} from './resources.ts'

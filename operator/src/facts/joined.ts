/** Which namespaces have joined the mesh, by their labels: the same that the webhooks of the chart select. */
import type { MeshConfig } from '@smi-mesh/dataplane/mesh'

const INJECT = 'smi-mesh.dev/inject'
/** Of Open Service Mesh, whose users need change no label. */
const MONITORED_BY = 'openservicemesh.io/monitored-by'

/** Whether pods of a namespace with these labels are given proxies; our own label has the last word. */
export function hasJoined(
  labels: Readonly<Record<string, string>>,
  openServiceMeshLabels: MeshConfig['openServiceMeshLabels'],
): boolean {
  const said = labels[INJECT]
  if (said !== undefined) return said === 'enabled'
  return openServiceMeshLabels === 'honour' && labels[MONITORED_BY] !== undefined
}

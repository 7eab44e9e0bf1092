/** Checks of the pods of the mesh, by what the API server and the operator's own numbers say of them. */
import { DEFAULT_MESH_CONFIG, type MeshConfig } from '@smi-mesh/dataplane/mesh'
import { hasJoined } from '../facts/joined.ts'
import { type Fields, fieldsOf, listOf, textOf, textsOf } from '../facts/read.ts'
import { RESOURCES } from '../kubernetes/index.ts'
import { MeshError, meshError } from '../mesh-error.ts'
import { itemsOf, type Look, type Looking, nameOf, skipped } from './look.ts'

/** A label selector. */
export const OPERATOR_PODS = 'app.kubernetes.io/name=smi-mesh,app.kubernetes.io/component=operator'
const HEALTH_PORT = 15014
const PROXY = 'smi-mesh-proxy'
/** The chart has it unless the labels of Open Service Mesh mean nothing. */
const OSM_WEBHOOK = 'osm-pods.smi-mesh.dev'
const OPTED_OUT = ['disabled', 'no', 'false']

export const withoutProxy: Look = async looking => {
  const [namespaces, pods] = await Promise.all([joinedNamespaces(looking), allPods(looking)])
  if (namespaces instanceof MeshError) return skipped(namespaces, 'namespaces')
  if (pods instanceof MeshError) return skipped(pods, 'pods')
  const bare = pods.filter(pod => namespaces.has(namespaceOf(pod)) && isRunning(pod) && wants(pod) && !hasProxy(pod))
  const own = pods.filter(hasProxy).length
  if (bare.length === 0) return { kind: 'fine', note: `${own} pods` }
  const message = `${listed(bare)} have no proxy, so nothing of the mesh holds for them. They were made before their namespace joined, or their events say why not. Make them anew: kubectl -n NAMESPACE rollout restart deployment/NAME.`
  return { kind: 'warning', message }
}

export const lagging: Look = async looking => {
  const [numbers, pods] = await Promise.all([operatorNumbers(looking), allPods(looking)])
  if (numbers instanceof MeshError) return skipped(numbers, 'the numbers of the operator')
  const streams = numbers.get('smi_xds_streams') ?? 0
  const late = numbers.get('smi_xds_lagging_streams') ?? 0
  const running = pods instanceof MeshError ? streams : pods.filter(pod => hasProxy(pod) && isRunning(pod)).length
  if (late > 0) {
    const message = `${late} of ${streams} proxies have not taken up the latest configuration. For a moment that is usual; for minutes it is not: see their logs, and those of the operator.`
    return { kind: 'warning', message }
  }
  if (streams < running) {
    const message = `${running} pods run with a proxy, and ${streams} proxies are connected. The others keep what they have; the logs of those proxies, and of the operator, say why.`
    return { kind: 'warning', message }
  }
  return { kind: 'fine', note: `${streams} connected` }
}

export const refusing: Look = async looking => {
  const numbers = await operatorNumbers(looking)
  if (numbers instanceof MeshError) return skipped(numbers, 'the numbers of the operator')
  const objects = numbers.get('smi_compile_findings{reason="ProxyRejected"}') ?? 0
  if (objects === 0) return { kind: 'fine' }
  const message = `What ${objects} objects say is refused by a proxy, which keeps what it had. Their condition Programmed is False and says why: kubectl get trafficsplits,traffictargets,httproutegroups -A.`
  return { kind: 'failed', message }
}

export const sameVersion: Look = async looking => {
  const { api, namespace, signal } = looking
  const [pods, operators] = await Promise.all([
    allPods(looking),
    itemsOf(() => api.list(RESOURCES.pods, { namespace, labelSelector: OPERATOR_PODS, signal })),
  ])
  if (pods instanceof MeshError || operators instanceof MeshError) return skipped(pods, 'pods')
  const versions = new Set(operators.flatMap(pod => imagesOf(pod, 'operator')).map(tagOf))
  const others = pods.filter(pod => imagesOf(pod, PROXY).some(image => !versions.has(tagOf(image))))
  if (others.length === 0) return { kind: 'fine', note: [...versions].sort().join(', ') }
  const message = `${listed(others)} have proxies of another version. They go on working; make them anew at your leisure: kubectl -n NAMESPACE rollout restart deployment/NAME.`
  return { kind: 'warning', message }
}

/** Over all replicas: a proxy is connected to one of them, a finding is known to all. */
async function operatorNumbers(looking: Looking): Promise<ReadonlyMap<string, number> | MeshError> {
  const { api, namespace, signal } = looking
  const found = await itemsOf(() => api.list(RESOURCES.pods, { namespace, labelSelector: OPERATOR_PODS, signal }))
  if (found instanceof MeshError) return found
  const sums = new Map<string, number>()
  try {
    for (const pod of found.filter(isRunning)) {
      const at = { namespace, name: nameOf(pod) }
      for (const [name, value] of numbersIn(
        await api.fromPod(at, { port: HEALTH_PORT, path: '/metrics' }, { signal }),
      )) {
        const before = sums.get(name) ?? 0
        sums.set(name, name.startsWith('smi_compile_') ? Math.max(before, value) : before + value)
      }
    }
    return sums
  } catch (error) {
    if (error instanceof MeshError) return error
    throw error
  }
}

/** The text format of Prometheus: a name with its labels, and a number, on each line. */
function numbersIn(text: string): readonly (readonly [string, number])[] {
  return [...text.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm)].map(([, name = '', value]) => [name, Number(value)])
}

/** Names of the namespaces that have joined, or in which some pod has a proxy all the same. */
export async function proxiedNamespaces(looking: Looking): Promise<ReadonlySet<string> | MeshError> {
  const [joined, pods] = await Promise.all([joinedNamespaces(looking), allPods(looking)])
  if (joined instanceof MeshError || pods instanceof MeshError) return joined
  return new Set([...joined, ...pods.filter(hasProxy).map(namespaceOf)])
}

/** Names of the namespaces whose pods are given proxies. */
async function joinedNamespaces(looking: Looking): Promise<ReadonlySet<string> | MeshError> {
  const { api, signal } = looking
  const [found, openServiceMesh] = await Promise.all([
    itemsOf(() => api.list(RESOURCES.namespaces, { signal })),
    openServiceMeshLabels(looking),
  ])
  if (found instanceof MeshError) return found
  const joined = found.filter(object => hasJoined(textsOf(fieldsOf(object['metadata'])['labels']), openServiceMesh))
  return new Set(joined.map(nameOf))
}

/** By the webhooks of the cluster; the default where there are none, or where whoever asks may not read them. */
async function openServiceMeshLabels({ api, signal }: Looking): Promise<MeshConfig['openServiceMeshLabels']> {
  try {
    const at = { namespace: '', name: 'smi-mesh' }
    const { webhooks } = await api.get(RESOURCES.mutatingWebhookConfigurations, at, { signal })
    return listOf(webhooks).some(webhook => fieldsOf(webhook)['name'] === OSM_WEBHOOK) ? 'honour' : 'ignore'
  } catch (error) {
    if (meshError(error, 'ApiForbidden', 'ApiNotFound') === undefined) throw error
    return DEFAULT_MESH_CONFIG.openServiceMeshLabels
  }
}

function allPods({ api, signal }: Looking): Promise<readonly Fields[] | MeshError> {
  return itemsOf(() => api.list(RESOURCES.pods, { signal }))
}

function isRunning(pod: Fields): boolean {
  return (
    textOf(fieldsOf(pod['status'])['phase']) === 'Running' && !textOf(fieldsOf(pod['metadata'])['deletionTimestamp'])
  )
}

function hasProxy(pod: Fields): boolean {
  return textsOf(fieldsOf(pod['metadata'])['annotations'])['smi-mesh.dev/status'] !== undefined
}

function wants(pod: Fields): boolean {
  const { labels, annotations } = fieldsOf(pod['metadata'])
  const said = { ...textsOf(annotations), ...textsOf(labels) }
  const words = [said['smi-mesh.dev/inject'], said['openservicemesh.io/sidecar-injection']]
  return fieldsOf(pod['spec'])['hostNetwork'] !== true && !words.some(word => OPTED_OUT.includes(word ?? ''))
}

function imagesOf(pod: Fields, container: string): readonly string[] {
  const { initContainers, containers } = fieldsOf(pod['spec'])
  const all = [...listOf(initContainers), ...listOf(containers)].map(fieldsOf)
  return all.filter(({ name }) => name === container).map(({ image }) => textOf(image))
}

/** `registry:5000/a/b:1.2@sha256:…` → `1.2@sha256:…`. */
function tagOf(image: string): string {
  return image.slice(image.lastIndexOf('/') + 1).replace(/^[^:@]*[:@]?/, '')
}

function namespaceOf(object: Fields): string {
  return textOf(fieldsOf(object['metadata'])['namespace'])
}

/** The first few by name. */
function listed(pods: readonly Fields[]): string {
  const names = pods.map(pod => `${namespaceOf(pod)}/${nameOf(pod)}`).sort()
  const shown = names.slice(0, 5).join(', ')
  return names.length > 5
    ? `${shown} and ${names.length - 5} more pods`
    : `${names.length === 1 ? 'Pod' : 'Pods'} ${shown}`
}

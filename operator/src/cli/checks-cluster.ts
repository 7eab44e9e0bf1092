/** Checks of a cluster by itself: whether a mesh can live in it, and whether it may be installed. */
import { KINDS } from '@smi-mesh/smi-crds'
import { type Fields, fieldsOf, textOf, textsOf } from '../facts/read.ts'
import { RESOURCES } from '../kubernetes/index.ts'
import { MeshError, meshError } from '../mesh-error.ts'
import { failedBy, itemsOf, type Look, type Looking, nameOf, renewedAt, skipped } from './look.ts'

/** Sidecars as init containers are on by default from here on. */
const OLDEST_MINOR = 29
/** A node renews its lease every 10 s. What is ahead of us by more than this has another time. */
const SKEW_MS = 30_000
/** A node that did not renew for so long is not ready, whatever its clock says. */
const SILENT_MS = 40_000

export const reachable: Look = async ({ api, signal }) => {
  try {
    await api.version({ signal })
    return { kind: 'fine' }
  } catch (error) {
    return failedBy(error)
  }
}

export const recentEnough: Look = async ({ api, signal }) => {
  const { gitVersion, major, minor } = await api.version({ signal })
  const isRecent = Number(major) > 1 || Number.parseInt(textOf(minor), 10) >= OLDEST_MINOR // some write "29+"
  if (isRecent) return { kind: 'fine', note: textOf(gitVersion) }
  const message = `The cluster is ${textOf(gitVersion)}. Upgrade it to 1.${OLDEST_MINOR} or later: proxies are init containers that restart.`
  return { kind: 'failed', message }
}

/** By the leases of nodes: each bears the time of its node, renewed every ten seconds. */
export const clocks: Look = async ({ api, clock, signal }) => {
  const leases = await itemsOf(() => api.list(RESOURCES.leases, { namespace: 'kube-node-lease', signal }))
  if (leases instanceof MeshError) return skipped(leases, 'the leases of nodes')
  const now = clock()
  const ahead = leases.map(lease => ({ node: nameOf(lease), ms: renewedAt(lease) - now }))
  const wrong = ahead.filter(({ ms }) => ms > SKEW_MS)
  const fresh = ahead.filter(({ ms }) => ms >= -SILENT_MS)
  if (wrong.length > 0) {
    const list = wrong.map(({ node, ms }) => `${node} by ${Math.round(ms / 1000)} s`).join(', ')
    const message = `Nodes are ahead of this machine: ${list}. Certificates are judged by clocks: let all of them follow one time server.`
    return { kind: 'warning', message }
  }
  if (ahead.length > 0 && fresh.length === 0) {
    const message = `No node has renewed its lease for ${SILENT_MS / 1000} s by the clock of this machine: either this clock is ahead, or no node is ready. See: kubectl get nodes.`
    return { kind: 'warning', message }
  }
  return { kind: 'fine' }
}

/** What an installation creates and is not granted to everybody. */
const NEEDED: readonly Fields[] = [
  { group: '', resource: 'namespaces' },
  { group: '', resource: 'serviceaccounts' },
  { group: '', resource: 'services' },
  { group: '', resource: 'secrets' },
  { group: 'apps', resource: 'deployments' },
  { group: 'policy', resource: 'poddisruptionbudgets' },
  { group: 'networking.k8s.io', resource: 'networkpolicies' },
  { group: 'coordination.k8s.io', resource: 'leases' },
  { group: 'rbac.authorization.k8s.io', resource: 'roles' },
  { group: 'rbac.authorization.k8s.io', resource: 'rolebindings' },
  { group: 'rbac.authorization.k8s.io', resource: 'clusterroles' },
  { group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings' },
  { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
  { group: 'admissionregistration.k8s.io', resource: 'mutatingwebhookconfigurations' },
  { group: 'admissionregistration.k8s.io', resource: 'validatingwebhookconfigurations' },
]

export const mayInstall: Look = async ({ api, namespace, signal }) => {
  const answers = await Promise.all(
    NEEDED.map(async what => {
      const spec = { resourceAttributes: { ...what, namespace, verb: 'create' } }
      const status = await api.postReview(RESOURCES.selfSubjectAccessReviews, spec, { signal })
      return status['allowed'] === true ? [] : [textOf(what['resource'])]
    }),
  )
  const missing = answers.flat()
  if (missing.length === 0) return { kind: 'fine' }
  const message = `You may not create ${missing.join(', ')}. Install as somebody who may: a cluster-admin has all of it.`
  return { kind: 'failed', message }
}

export const definitionsOfOthers: Look = async ({ api, signal }) => {
  const found = await Promise.all(KINDS.map(kind => definition(api, `${kind.plural}.${kind.group}`, signal)))
  const foreign = found.flatMap(crd => (crd === undefined || isOurs(crd) ? [] : [nameOf(crd)]))
  if (foreign.length === 0) return { kind: 'fine' }
  const message = `There already: ${foreign.join(', ')}. Helm does not take over what it has not made unless it is told to: \`smictl install -- --take-ownership\`. Objects stay as they are, and all their versions are served.`
  return { kind: 'warning', message }
}

/**
 * Where a node turns the address of a Service into that of a pod as soon as an application connects, the proxy sees pods alone, and
 * no Service that could be split.
 */
export const serviceAddresses: Look = async ({ api, signal }) => {
  let config: Fields
  try {
    const at = { namespace: 'kube-system', name: 'cilium-config' }
    config = textsOf((await api.get(RESOURCES.configMaps, at, { signal }))['data'])
  } catch (error) {
    if (meshError(error, 'ApiNotFound') !== undefined) return { kind: 'fine' }
    if (meshError(error, 'ApiForbidden') !== undefined) return skipped(error, 'settings of Cilium')
    throw error
  }
  const atSockets = config['bpf-lb-sock'] === 'true' || ['true', 'strict'].includes(textOf(config[REPLACEMENT]))
  if (!atSockets || config['bpf-lb-sock-hostns-only'] === 'true') return { kind: 'fine', note: 'Cilium' }
  const message =
    'Cilium replaces the addresses of Services in pods, before a proxy sees them: no split would have an effect. Let it do so for nodes alone: its Helm value socketLB.hostNamespaceOnly=true, then make its pods and yours anew.'
  return { kind: 'warning', message }
}

const REPLACEMENT = 'kube-proxy-replacement'

async function definition(api: Looking['api'], name: string, signal: AbortSignal): Promise<Fields | undefined> {
  try {
    return await api.get(RESOURCES.customResourceDefinitions, { namespace: '', name }, { signal })
  } catch (error) {
    if (error instanceof MeshError && error.code === 'ApiNotFound') return undefined
    throw error
  }
}

function isOurs(object: Fields): boolean {
  return textsOf(fieldsOf(object['metadata'])['labels'])['app.kubernetes.io/part-of'] === 'smi-mesh'
}

/** Two that answer to the same labels would both inject. */
export const otherMesh: Look = async ({ api, signal }) => {
  const found = await itemsOf(() => api.list(RESOURCES.mutatingWebhookConfigurations, { signal }))
  if (found instanceof MeshError) return skipped(found, 'webhook configurations')
  const names = found.map(nameOf).filter(name => name.startsWith('osm-webhook'))
  if (names.length === 0) return { kind: 'fine' }
  const message = `${names.join(', ')} is of Open Service Mesh, whose labels are ours as well. Install with \`--set injection.openServiceMesh=false\` until its namespaces have moved.`
  return { kind: 'warning', message }
}

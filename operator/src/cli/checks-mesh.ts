/** Checks of an installed mesh: its definitions, its operator, and whether those who call it can trust it. */
import { X509Certificate } from 'node:crypto'
import { KINDS } from '@smi-mesh/smi-crds'
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import { RESOURCES, smiResourceOf } from '../kubernetes/index.ts'
import { MeshError, meshError } from '../mesh-error.ts'
import { OPERATOR_PODS, proxiedNamespaces } from './checks-proxies.ts'
import { failedBy, itemsOf, type Look, type Looking, type Outcome, renewedAt, skipped } from './look.ts'

const NAME = 'smi-mesh'
const ROOTS = { object: 'smi-mesh-trust', key: 'roots.pem' }
const DEPLOYMENT = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true }
const AUTHORITY = 'smi-mesh-authority'
const LEASE_MS = 15_000
const DAY_MS = 86_400_000
/** A root is followed by another at half of its year; one with less than this left was forgotten. */
const ROOT_DAYS = 60

export const definitionsServed: Look = async ({ api, signal }) => {
  const groups = [...new Set<string>(KINDS.map(({ group }) => group))]
  const served = new Map(await Promise.all(groups.map(async one => [one, await api.served(one, { signal })] as const)))
  const missing = KINDS.flatMap(({ group, plural, versions }) =>
    versions
      .filter(version => !served.get(group)?.some(one => one.version === version && one.plurals.includes(plural)))
      .map(version => `${plural}.${group}/${version}`),
  )
  if (missing.length === 0) return { kind: 'fine', note: `${KINDS.length} kinds` }
  const message = `Not served: ${missing.join(', ')}. Install the definitions of this version: smictl upgrade.`
  return { kind: 'failed', message }
}

export const ready: Look = async looking => {
  const { api, namespace, signal } = looking
  try {
    const deployment = await api.get(DEPLOYMENT, { namespace, name: NAME }, { signal })
    const wanted = fieldsOf(deployment['spec'])['replicas']
    const { readyReplicas = 0 } = fieldsOf(deployment['status'])
    const note = `${readyReplicas} of ${wanted} replicas`
    if (wanted === 0) {
      const message = `It is scaled to no replica. Give it some: kubectl -n ${namespace} scale deployment/${NAME} --replicas=2.`
      return { kind: 'failed', message }
    }
    if (readyReplicas === wanted) return { kind: 'fine', note }
    const message = `${note} are ready.${await whatWaits(looking)}`
    return { kind: readyReplicas === 0 ? 'failed' : 'warning', message }
  } catch (error) {
    if (meshError(error, 'ApiNotFound') === undefined) return failedBy(error)
    const message = `There is no Deployment ${NAME} in namespace ${namespace}. Install the mesh by \`smictl install\`, or name its namespace by --namespace.`
    return { kind: 'failed', message }
  }
}

/** As `kubectl rollout status` judges it: pods from before may be ready while those that follow them cannot begin. */
export const rolledOut: Look = async looking => {
  const { api, namespace, signal } = looking
  try {
    const { metadata, spec, status } = await api.get(DEPLOYMENT, { namespace, name: NAME }, { signal })
    const wanted = fieldsOf(spec)['replicas']
    const { replicas = 0, updatedReplicas = 0, availableReplicas = 0, observedGeneration = 0 } = fieldsOf(status)
    const isSeen = observedGeneration === fieldsOf(metadata)['generation']
    const isOver = updatedReplicas === wanted && replicas === updatedReplicas && availableReplicas === updatedReplicas
    if (isSeen && isOver) return { kind: 'fine' }
    const message = `${updatedReplicas} of ${wanted} replicas are of the last rollout, and ${replicas} in all run, ${availableReplicas} of them available.${await whatWaits(looking)}`
    return { kind: 'failed', message }
  } catch (error) {
    return failedBy(error)
  }
}

/** Why pods of the operator do not run, and where to look. */
async function whatWaits({ api, namespace, signal }: Looking): Promise<string> {
  const pods = await itemsOf(() => api.list(RESOURCES.pods, { namespace, labelSelector: OPERATOR_PODS, signal }))
  const why = pods instanceof MeshError ? '' : waiting(pods)
  return `${why} See: kubectl -n ${namespace} describe pods, and logs deployment/${NAME}.`
}

/** Why containers do not run, each reason once. */
function waiting(pods: readonly Fields[]): string {
  const statuses = pods.flatMap(pod => listOf(fieldsOf(pod['status'])['containerStatuses'])).map(fieldsOf)
  const reasons = statuses.map(({ state }) => textOf(fieldsOf(fieldsOf(state)['waiting'])['reason'])).filter(Boolean)
  return reasons.length === 0 ? '' : ` Waiting: ${[...new Set(reasons)].sort().join(', ')}.`
}

export const leader: Look = async ({ api, namespace, clock, signal }) => {
  try {
    const lease = await api.get(RESOURCES.leases, { namespace, name: NAME }, { signal })
    const holder = textOf(fieldsOf(lease['spec'])['holderIdentity'])
    const agoMs = clock() - renewedAt(lease)
    // Clocks may differ a little; that they differ much, another check says.
    if (holder !== '' && agoMs < 2 * LEASE_MS) return { kind: 'fine', note: holder }
    const since = holder === '' ? 'Nobody holds' : `${holder} last renewed ${Math.round(agoMs / 1000)} s ago`
    const message = `${since} the Lease ${namespace}/${NAME}, so no status is written. The logs of the operator say why.`
    return { kind: 'failed', message }
  } catch (error) {
    return failedBy(error)
  }
}

/** The API server is asked to make the Secret, and to keep none: so nobody reads a key to learn that it exists. */
export const authorityKept: Look = async ({ api, namespace, signal }) => {
  try {
    const deployment = await api.get(DEPLOYMENT, { namespace, name: NAME }, { signal })
    const ofOthers = secretOfOthers(deployment)
    const name = ofOthers ?? AUTHORITY
    const absent = await api
      .create(RESOURCES.secrets, { metadata: { namespace, name } }, { dryRun: true, signal })
      .then(
        () => true,
        (error: unknown) => {
          if (meshError(error, 'ApiConflict') === undefined) throw error
          return false
        },
      )
    if (!absent) return { kind: 'fine', note: name }
    return { kind: 'failed', message: `Secret ${namespace}/${name} is gone. ${lostAuthority(namespace, ofOthers)}` }
  } catch (error) {
    if (meshError(error, 'ApiForbidden') === undefined) return failedBy(error)
    const message = `Not looked at: whether there is a Secret of the authority is asked by a dry run of its creation, and you may not create Secrets in namespace ${namespace}.`
    return { kind: 'skipped', message }
  }
}

function lostAuthority(namespace: string, ofOthers: string | undefined): string {
  if (ofOthers !== undefined)
    return 'Replicas that run go on with what they have read, and none can start. Make it anew.'
  return `Certificates end within about a day. Restore it from your copy, then: kubectl -n ${namespace} rollout restart deployment/${NAME}.`
}

/** An authority that somebody else keeps is mounted; undefined where there is none. */
function secretOfOthers(deployment: Fields): string | undefined {
  const { volumes } = fieldsOf(fieldsOf(fieldsOf(deployment['spec'])['template'])['spec'])
  const volume = listOf(volumes)
    .map(fieldsOf)
    .find(({ name }) => name === 'authority')
  return textOf(fieldsOf(volume?.['secret'])['secretName']) || undefined
}

export const webhooksTrusted: Look = async looking => {
  const published = await publishedRoots(looking)
  if ('kind' in published) return published
  const { api, signal } = looking
  const others = await Promise.all(
    KINDS.filter(({ versions }) => versions.length > 1).map(async ({ plural, group }) => {
      const name = `${plural}.${group}`
      const crd = await api.get(RESOURCES.customResourceDefinitions, { namespace: '', name }, { signal })
      const webhook = fieldsOf(fieldsOf(fieldsOf(crd['spec'])['conversion'])['webhook'])
      return bundleOf(webhook) === published.pem ? [] : [name]
    }),
  )
  const stale = others.flat()
  if (stale.length === 0) return { kind: 'fine' }
  const message = `Not of the roots of the mesh is caBundle of ${stale.join(', ')}. The leading operator repairs that within a minute, unless somebody else writes it: see the field's owner by kubectl get --show-managed-fields.`
  return { kind: 'warning', message }
}

/** By the mutating webhooks, which the operator writes like all others; an outcome where there are none. */
async function publishedRoots({ api, signal }: Looking): Promise<{ readonly pem: string } | Outcome> {
  try {
    const at = { namespace: '', name: NAME }
    const webhooks = listOf((await api.get(RESOURCES.mutatingWebhookConfigurations, at, { signal }))['webhooks'])
    const [pem = '', ...others] = new Set(webhooks.map(webhook => bundleOf(fieldsOf(webhook))))
    if (pem !== '' && others.length === 0) return { pem }
    const message = `The webhooks ${NAME} bear no roots, or not all the same. The leading operator writes them within a minute; its log says why it could not.`
    return { kind: 'failed', message }
  } catch (error) {
    return failedBy(error)
  }
}

function bundleOf(caller: Fields): string {
  return Buffer.from(textOf(fieldsOf(caller['clientConfig'])['caBundle']), 'base64').toString('utf8')
}

/** The API server is asked to make objects, and to keep none: one to be converted, one that must be refused. */
export const webhooksAnswer: Look = async ({ api, signal }) => {
  const attempt = async (version: string, weight: string): Promise<MeshError | undefined> => {
    const resource = smiResourceOf(`split.smi-spec.io/${version}`, 'TrafficSplit')
    if (resource === undefined) throw new Error(`There is no TrafficSplit of ${version}.`)
    const metadata = { namespace: 'default', name: 'smi-mesh-check' }
    const spec = { service: 'smi-mesh-check', backends: [{ service: 'smi-mesh-check-v1', weight }] }
    return api.create(resource, { metadata, spec }, { dryRun: true, signal }).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof MeshError) return error
        throw error
      },
    )
  }
  const converted = await attempt('v1alpha1', '1')
  if (converted?.code === 'ApiForbidden') return skipped(converted, 'webhooks, for TrafficSplits of namespace default')
  if (converted !== undefined) return { kind: 'failed', message: converted.message }
  const judged = await attempt('v1alpha4', IMPOSSIBLE_WEIGHT)
  if (judged?.message.includes('smi.smi-mesh.dev') === true && judged.code === 'ApiRefused') return { kind: 'fine' }
  if (judged !== undefined) return { kind: 'failed', message: judged.message }
  const message =
    'An object that is wrong was not refused: validation does not answer. What is wrong is still reported in the status of objects. The logs of the operator say more.'
  return { kind: 'warning', message }
}

/** The schema knows no largest quantity, and the mesh does. */
const IMPOSSIBLE_WEIGHT = '2000000'

export const roots: Look = async looking => {
  const published = await publishedRoots(looking)
  if ('kind' in published) return { kind: 'skipped', message: 'Not looked at: there are no roots yet.' }
  const ends = certificatesIn(published.pem).map(({ validTo }) => Date.parse(validTo))
  const days = Math.floor((Math.max(...ends) - looking.clock()) / DAY_MS)
  if (days >= ROOT_DAYS) return { kind: 'fine', note: `${days} days` }
  const state = days < 0 ? 'expired' : `ends in ${days} days`
  const message = `The last root of the mesh ${state}. A new one is made at half of its life, unless the Secret cannot be written: the log of the leading operator says why.`
  return { kind: days < 7 ? 'failed' : 'warning', message }
}

function certificatesIn(pem: string): readonly X509Certificate[] {
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].map(
    ([text]) => new X509Certificate(text),
  )
}

export const trust: Look = async looking => {
  const published = await publishedRoots(looking)
  const namespaces = await proxiedNamespaces(looking)
  if ('kind' in published) return { kind: 'skipped', message: 'Not looked at: there are no roots yet.' }
  if (namespaces instanceof MeshError) return skipped(namespaces, 'namespaces')
  const { api, signal } = looking
  const fieldSelector = `metadata.name=${ROOTS.object}`
  const maps = await itemsOf(() => api.list(RESOURCES.configMaps, { fieldSelector, signal }))
  if (maps instanceof MeshError) return skipped(maps, 'ConfigMaps')
  const current = maps.filter(map => textOf(fieldsOf(map['data'])[ROOTS.key]) === published.pem)
  const having = new Set(current.map(map => textOf(fieldsOf(map['metadata'])['namespace'])))
  const lacking = [...namespaces].filter(name => !having.has(name)).sort()
  if (lacking.length === 0) return { kind: 'fine', note: `${namespaces.size} namespaces` }
  const message = `ConfigMap ${ROOTS.object} is missing or old in ${lacking.join(', ')}; new pods cannot connect there. The leading operator writes it within a minute; its log says why it could not.`
  return { kind: 'failed', message }
}

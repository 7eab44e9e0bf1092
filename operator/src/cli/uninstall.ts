/** `smictl uninstall`: takes the mesh out of a cluster, with what neither Helm nor `kubectl delete` would know of. */
import { Command } from 'commander'
import { type Fields, fieldsOf, listOf, textOf, textsOf } from '../facts/read.ts'
import type { KubernetesClient, ObjectName, Resource } from '../kubernetes/index.ts'
import { MeshError, meshError } from '../mesh-error.ts'
import { type ClusterOptions, clusterChoice, withCluster } from './cluster-options.ts'
import { ExitCode } from './exit-code.ts'
import { pause } from './pause.ts'
import { ACCOUNT_BINDING, DEFINITIONS, INSTALLED, type Installed, NAMESPACES } from './uninstall-objects.ts'
import type { World } from './world.ts'

interface UninstallOptions extends ClusterOptions {
  readonly crds: boolean
  readonly removeNamespace: boolean
  readonly dryRun: boolean
}

type Api = Pick<KubernetesClient, 'get' | 'list' | 'remove'>

/** An object that is there. */
export interface Leftover {
  readonly resource: Resource
  readonly at: ObjectName
}

export function uninstallCommand(world: World): Command {
  const command = new Command('uninstall')
    .summary('take the mesh out of a cluster')
    .description(
      'Removes everything that an installation made, however it was installed: webhooks first, so that pods can be created meanwhile,\n' +
        'then the operator, its rights and its authority. Objects of SMI stay unless --crds is given. Pods keep their proxies, with what\n' +
        'they were last told and until their certificates end, until they are made anew.',
    )
    .option('--crds', "remove the definitions of SMI's kinds as well, and with them all objects of these kinds", false)
    .option('--remove-namespace', 'remove the namespace of the mesh as well, with all that is in it', false)
    .option('--dry-run', 'only say what would be removed', false)
  return withCluster(command)
    .addHelpText(
      'after',
      `
Examples:
  smictl uninstall --dry-run
  smictl uninstall
  smictl uninstall --crds --remove-namespace

Exit status: 0 nothing is left, 1 some of it takes longer to go, 2 not understood, 3 the API server was not reached, or refused.`,
    )
    .action(async (options: UninstallOptions) => {
      const { connect, KubernetesClient, kubeconfigOf } = await import('../kubernetes/index.ts')
      const api = new KubernetesClient(connect(kubeconfigOf(clusterChoice(options))))
      try {
        await refuseElsewhere(api, options, world.ended)
        const found = await leftovers(api, options, world.ended)
        for (const { resource, at } of found) {
          if (!options.dryRun) await api.remove(resource, at, { signal: world.ended })
          world.write(`${options.dryRun ? 'would remove' : 'removed'} ${textOfObject(resource, at)}\n`)
        }
        const isOver = options.dryRun || (await gone(api, found, world))
        world.complain(await parting(api, options, found.length, world.ended))
        if (!isOver) world.complain('Some of it is still going: look again before you install.\n')
        world.finish(isOver ? ExitCode.ok : ExitCode.found)
      } finally {
        api.close()
      }
    })
}

/** What is of the whole cluster bears no namespace: of a mesh that lives in another than is named, half would be removed. */
export async function refuseElsewhere(
  api: Pick<Api, 'get'>,
  { namespace }: Pick<UninstallOptions, 'namespace'>,
  signal: AbortSignal,
): Promise<void> {
  const binding = await api.get(...ACCOUNT_BINDING, { signal }).catch((error: unknown) => {
    if (meshError(error, 'ApiNotFound') === undefined) throw error
  })
  const homes = listOf(fieldsOf(binding)['subjects']).map(subject => textOf(fieldsOf(subject)['namespace']))
  const [home = namespace] = homes
  if (home === namespace) return
  throw new MeshError(
    'ConfigRefused',
    `The mesh of this cluster is in namespace ${home}, not in ${namespace}. Nothing was removed; write --namespace ${home}.`,
  )
}

const GOING_MS = 120_000
const LOOK_MS = 300

/** Namespaces and definitions go in their own time, and whoever installs again meanwhile is refused. False: they take too long. */
export async function gone(
  api: Pick<Api, 'get'>,
  removed: readonly Leftover[],
  { now, ended }: Pick<World, 'now' | 'ended'>,
): Promise<boolean> {
  const end = now() + GOING_MS
  for (const { resource, at } of removed.filter(({ resource }) => SLOW.has(resource.kind))) {
    while (await isThere(api, resource, at, ended)) {
      if (now() > end) return false
      await pause(LOOK_MS, ended)
    }
  }
  return true
}

const SLOW: ReadonlySet<string> = new Set([NAMESPACES.kind, DEFINITIONS.resource.kind])

async function isThere(
  api: Pick<Api, 'get'>,
  resource: Resource,
  at: ObjectName,
  signal: AbortSignal,
): Promise<boolean> {
  return api.get(resource, at, { signal }).then(
    () => true,
    (error: unknown) => {
      if (meshError(error, 'ApiNotFound') === undefined) throw error
      return false
    },
  )
}

/** What is there of an installation, in the order in which it is to be removed. */
export async function leftovers(
  api: Api,
  { namespace, crds, removeNamespace }: Pick<UninstallOptions, 'namespace' | 'crds' | 'removeNamespace'>,
  signal: AbortSignal,
): Promise<readonly Leftover[]> {
  const found: Leftover[] = []
  for (const installed of crds ? [...INSTALLED, DEFINITIONS] : INSTALLED) {
    found.push(...(await existing(api, installed, namespace, signal)))
  }
  if (removeNamespace) found.push(...(await existing(api, { resource: NAMESPACES, names: [namespace] }, '', signal)))
  return found
}

async function existing(
  api: Pick<Api, 'get' | 'list'>,
  { resource, names, labelled }: Installed,
  within: string,
  signal: AbortSignal,
): Promise<readonly Leftover[]> {
  const namespace = resource.namespaced ? within : ''
  if (labelled !== undefined) {
    const found: Leftover[] = []
    for await (const { items } of api.list(resource, { namespace, labelSelector: labelled, signal })) {
      found.push(
        ...items.map(item => ({ resource, at: { namespace, name: String(fieldsOf(item['metadata'])['name']) } })),
      )
    }
    return found
  }
  const found = await Promise.all(
    names.map(async name => {
      const at = { namespace, name }
      return (await isThere(api, resource, at, signal)) ? [{ resource, at }] : []
    }),
  )
  return found.flat()
}

function textOfObject({ kind }: Resource, { namespace, name }: ObjectName): string {
  return namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
}

/** How many pods go on with a proxy. One that is leaving takes its own along. */
export async function proxiesLeft(api: Pick<Api, 'list'>, signal: AbortSignal): Promise<number> {
  const pods = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true }
  let proxies = 0
  for await (const { items } of api.list(pods, { signal })) {
    proxies += items.filter(pod => keepsProxy(fieldsOf(pod['metadata']))).length
  }
  return proxies
}

function keepsProxy({ annotations, deletionTimestamp }: Fields): boolean {
  return deletionTimestamp === undefined && textsOf(annotations)['smi-mesh.dev/status'] !== undefined
}

/** What is left for the user to do. */
export async function parting(
  api: Pick<Api, 'get' | 'list'>,
  options: Pick<UninstallOptions, 'namespace' | 'crds' | 'removeNamespace'>,
  removed: number,
  signal: AbortSignal,
): Promise<string> {
  const proxies = await proxiesLeft(api, signal)
  const isLeft = async (installed: Installed) => (await existing(api, installed, '', signal)).length > 0
  const keepsDefinitions = !options.crds && (await isLeft(DEFINITIONS))
  const keepsNamespace =
    !options.removeNamespace && (await isLeft({ resource: NAMESPACES, names: [options.namespace] }))
  const lines = [
    ...(removed === 0 ? [`There was nothing of a mesh in namespace ${options.namespace}.`] : []),
    ...(proxies === 0
      ? []
      : [`${proxies} pods still have a proxy. Make them anew: kubectl -n NAMESPACE rollout restart deployment/NAME.`]),
    ...(keepsDefinitions
      ? [
          "Definitions of SMI's kinds, and their objects, are left, with nobody to convert them; --crds removes them as well.",
        ]
      : []),
    ...(keepsNamespace ? [`Namespace ${options.namespace} is left; --remove-namespace removes it as well.`] : []),
  ]
  return lines.map(line => `${line}\n`).join('')
}

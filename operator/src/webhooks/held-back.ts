/**
 * Pods that could not be created while no replica answered. Whoever was to create them tries again ever more rarely: after an
 * outage of an hour perhaps an hour later. A change of the object that wants them has it tried at once, so a replica that begins to
 * lead makes one, in an annotation beside the status.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import { apiVersionText, type KubernetesClient, RESOURCES, type Resource } from '../kubernetes/index.ts'
import { meshError } from '../mesh-error.ts'
import type { Part, PartContext } from '../part.ts'

/** When it was made to be tried again. */
const TRIED_AGAIN = 'smi-mesh.dev/tried-again'
/** A replica leads before the API server has heard that it answers, and on a busy node long before. */
const LOOKS_MS: readonly number[] = [1_000, 3_000, 8_000, 16_000, 30_000]

interface Wanting {
  readonly resource: Resource
  /** Whether it wants pods that nobody has created. */
  readonly lacks: (object: Fields) => boolean
  /** Whether it says why, so that want of our answer is told from all else. Of the others we ask whether we would be asked. */
  readonly saysWhy: boolean
}

const WANTING: readonly Wanting[] = [
  {
    resource: RESOURCES.replicaSets,
    lacks: ({ status }) =>
      listOf(fieldsOf(status)['conditions'])
        .map(fieldsOf)
        .some(({ type, status: is, message }) => type === 'ReplicaFailure' && is === 'True' && isOurs(textOf(message))),
    saysWhy: true,
  },
  {
    resource: RESOURCES.statefulSets,
    lacks: ({ spec, status }) => numberOf(fieldsOf(status)['replicas'], 0) < numberOf(fieldsOf(spec)['replicas'], 1),
    saysWhy: false,
  },
  {
    resource: RESOURCES.daemonSets,
    lacks: ({ status }) => {
      const { currentNumberScheduled, desiredNumberScheduled } = fieldsOf(status)
      return numberOf(currentNumberScheduled, 0) < numberOf(desiredNumberScheduled, 0)
    },
    saysWhy: false,
  },
]

/** "failed calling webhook \"pods.smi-mesh.dev\"" */
function isOurs(message: string): boolean {
  return /failed calling webhook "[a-z-]+\.smi-mesh\.dev"/.test(message)
}

/** Whether we are asked for its pods at all. */
function isAskedFor({ metadata, spec }: Fields, namespaces: ReadonlySet<string>): boolean {
  const { labels } = fieldsOf(fieldsOf(fieldsOf(spec)['template'])['metadata'])
  const wish = fieldsOf(labels)['smi-mesh.dev/inject']
  return wish === 'enabled' || (wish !== 'disabled' && namespaces.has(textOf(fieldsOf(metadata)['namespace'])))
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}

interface TriedAgain {
  readonly tried: number
  /** One for each object that could not be changed. */
  readonly failures: readonly unknown[]
}

/**
 * Has all that lacks pods of the mesh tried again; `namespaces` are those of the mesh. Rejects where a kind cannot be listed
 * (MeshError) or the signal comes.
 */
export async function tryAgain(
  client: Pick<KubernetesClient, 'list' | 'apply'>,
  namespaces: readonly string[],
  now: number,
  signal?: AbortSignal,
): Promise<TriedAgain> {
  const ours = new Set(namespaces)
  const failures: unknown[] = []
  let tried = 0
  for (const { resource, lacks, saysWhy } of WANTING) {
    const isHeldBack = (item: Fields) => lacks(item) && (saysWhy || isAskedFor(item, ours))
    for await (const { items } of client.list(resource, { signal })) {
      for (const { metadata } of items.filter(isHeldBack)) {
        signal?.throwIfAborted()
        try {
          await touch(client, resource, fieldsOf(metadata), now, signal)
          tried++
        } catch (error) {
          if (meshError(error, 'ApiNotFound', 'ApiConflict') !== undefined) continue // gone, or another by now
          // One that a policy refuses keeps no others back; an API server in trouble is left in peace.
          if (meshError(error, 'ApiForbidden', 'ApiRefused') === undefined) throw error
          failures.push(error)
        }
      }
    }
  }
  return { tried, failures }
}

async function touch(
  client: Pick<KubernetesClient, 'apply'>,
  resource: Resource,
  { namespace, name, uid }: Fields,
  now: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const annotations = { [TRIED_AGAIN]: new Date(now).toISOString() }
  const object = {
    ...{ apiVersion: apiVersionText(resource), kind: resource.kind },
    metadata: { namespace: textOf(namespace), name: textOf(name), uid, annotations },
  }
  await client.apply(resource, object, { fieldManager: 'smi-mesh', force: true, subresource: 'status', signal })
}

/** The part of a replica that does so for a while when it begins to lead. */
export async function heldBackPart({ client, plane, nature, log }: PartContext): Promise<Part> {
  const stopping = new AbortController()
  let cancel: (() => void)[] = []
  let looking = Promise.resolve()
  const look = async () => {
    await looking
    if (stopping.signal.aborted) return
    await tryAgain(client, plane.proxied(), nature.clock(), stopping.signal).then(
      ({ tried, failures }) => {
        if (tried > 0) log.info('pods that could not be created are tried again', { objects: tried })
        if (failures.length > 0) {
          const [error] = failures
          log.warn('some pods that could not be created are not tried again', { objects: failures.length, error })
        }
      },
      (error: unknown) => {
        if (!stopping.signal.aborted) log.warn('pods that could not be created are not tried again', { error })
      },
    )
  }
  const lookAfter = (ms: number) =>
    nature.setTimer(() => {
      looking = look()
    }, ms)
  const rest = () => {
    for (const one of cancel.splice(0)) one()
  }
  return {
    lead: leads => {
      rest()
      if (leads) cancel = LOOKS_MS.map(lookAfter)
    },
    stop: async () => {
      rest()
      stopping.abort()
      await looking
    },
  }
}

/** The objects of a cluster: a reflector for each kind the mesh is made of. Knows which kinds; not what they mean. */
import { isDeepStrictEqual } from 'node:util'
import type { KindInfo } from '@smi-mesh/smi-crds'
import { type KubernetesClient, RESOURCES, type Resource, smiResource } from '../kubernetes/index.ts'
import { Reflector } from './reflector.ts'
import type { ReflectorEvent, ReflectorTiming } from './reflector-options.ts'
import type { Source, SourceChange, SourceObserver, SourceProblem } from './source.ts'

/** A kind to follow. */
export interface Followed {
  /** For people: `pods`, `trafficsplits.split.smi-spec.io`. */
  readonly name: string
  /** Undefined where the cluster serves no such kind. */
  readonly find: (signal: AbortSignal) => Promise<Resource | undefined>
  /** Told of each change as well, after the observer. */
  readonly tap?: (batch: readonly SourceChange[]) => void
}

export interface KubernetesSourceOptions {
  readonly client: KubernetesClient
  readonly followed: readonly Followed[]
  readonly random: () => number
  /** Milliseconds that never go backwards. */
  readonly now: () => number
  readonly timing?: Partial<ReflectorTiming>
  readonly onEvent?: (name: string, event: ReflectorEvent) => void
}

/** Three bookmarks that did not come. */
const SILENT_MS = 180_000

/** The kinds of Kubernetes itself, which every cluster has. */
export function coreKinds(): readonly Followed[] {
  const { namespaces, serviceAccounts, services, pods, endpointSlices } = RESOURCES
  return [namespaces, serviceAccounts, services, pods, endpointSlices].map(resource => ({
    name: resource.plural,
    find: async () => resource,
  }))
}

/** A kind of SMI in the newest version that the cluster serves of it. */
export function smiKind(client: KubernetesClient, kind: KindInfo): Followed {
  return {
    name: `${kind.plural}.${kind.group}`,
    find: async signal => {
      const served = await client.served(kind.group, { signal })
      const has = (version: string) => served.some(one => one.version === version && one.plurals.includes(kind.plural))
      const newest = kind.versions.findLast(has)
      return newest === undefined ? undefined : smiResource(kind, newest)
    },
  }
}

export class KubernetesSource implements Source {
  readonly #options: KubernetesSourceOptions
  readonly #reflectors: readonly Reflector[]
  #observer: SourceObserver | undefined
  #synced = false
  #problems: readonly SourceProblem[] = []

  constructor(options: KubernetesSourceOptions) {
    this.#options = options
    this.#reflectors = options.followed.map(followed => this.#reflector(followed))
  }

  async start(on: SourceObserver): Promise<void> {
    this.#observer = on
    for (const reflector of this.#reflectors) reflector.start()
  }

  async stop(): Promise<void> {
    this.#observer = undefined
    await Promise.all(this.#reflectors.map(reflector => reflector.stop()))
  }

  /** What keeps this replica from being trusted with new proxies, as sentences. Those it serves already, it goes on serving. */
  unready(): readonly string[] {
    const unread = this.#reflectors.filter(({ synced }) => !synced)
    if (unread.length > 0) return unread.map(({ name }) => `The ${name} of the cluster have not been read yet.`)
    // Who is refused a kind that it had read hears of the others, and is no worse for new proxies than other replicas are.
    const silentMs = Math.min(...this.#reflectors.map(reflector => reflector.silentMs))
    const minutes = Math.round(silentMs / 60_000)
    return silentMs < SILENT_MS ? [] : [`The API server has not been heard of for ${minutes} minutes.`]
  }

  /**
   * Whether all that has not been read is of kinds whose objects the API server cannot have converted, for it does not reach the
   * host that is to do it: `smi-mesh.smi-mesh.svc`. By its words (k8s.io/apiextensions-apiserver): "conversion webhook for
   * split.smi-spec.io/v1alpha2, Kind=TrafficSplit failed: Post "https://smi-mesh.smi-mesh.svc:443/convert?timeout=30s": ...".
   */
  awaitsConversion(host: string): boolean {
    const unread = this.#reflectors.filter(({ synced }) => !synced)
    const waits = ({ state }: Reflector) =>
      state.kind === 'failing' &&
      state.message.includes('conversion webhook for ') &&
      state.message.includes(` failed: Post "https://${host}:`)
    return unread.length > 0 && unread.every(waits)
  }

  /** How many objects are followed, by kind. */
  sizes(): ReadonlyMap<string, number> {
    return new Map(this.#reflectors.map(({ name, size }) => [name, size]))
  }

  #reflector({ name, find, tap }: Followed): Reflector {
    const { client, random, now, timing = {}, onEvent } = this.#options
    return new Reflector({
      client,
      name,
      find,
      random,
      now,
      timing,
      on: {
        changes: batch => {
          this.#observer?.changes(batch)
          tap?.(batch)
        },
        stated: () => this.#stated(),
        event: event => onEvent?.(name, event),
      },
    })
  }

  #stated(): void {
    const on = this.#observer
    if (on === undefined) return
    const problems = this.#reflectors.flatMap(problemOf)
    if (!isDeepStrictEqual(problems, this.#problems)) {
      this.#problems = problems
      on.problems(problems)
    }
    if (!this.#synced && this.#reflectors.every(({ synced }) => synced)) {
      this.#synced = true
      on.synced()
    }
  }
}

function problemOf({ name, state, size }: Reflector): readonly SourceProblem[] {
  switch (state.kind) {
    case 'starting':
    case 'following':
      return []
    case 'failing':
      return [{ file: name, where: '', message: state.message }]
    case 'absent':
      return [{ file: name, where: '', message: absence(name, size) }]
  }
}

function absence(name: string, size: number): string {
  const those = size === 1 ? 'The object that was there stays' : `The ${size} objects that were there stay`
  const kept = size === 0 ? '' : ` ${those} in force until it is served again.`
  return `The cluster does not serve ${name}. Install its CustomResourceDefinition; nothing need be restarted.${kept}`
}

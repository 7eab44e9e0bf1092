/**
 * The roots of the mesh in a ConfigMap of every namespace that has proxies: what a proxy verifies the control plane by, before
 * it knows anything else. Roots are no secret; that whoever may write the ConfigMap can turn the namespace's own proxies away
 * from us is true of whoever may write its pods as well.
 */
import type { TrustBundle } from '@smi-mesh/dataplane/mesh'
import { type KubernetesClient, RESOURCES } from '../../kubernetes/index.ts'
import { MeshError, meshError } from '../../mesh-error.ts'
import type { SetTimer } from '../issuer.ts'

export interface TrustConfigMapsOptions {
  readonly client: Pick<KubernetesClient, 'apply'>
  readonly name: string
  readonly fieldManager: string
  /** Whose going takes the ConfigMaps along: something of the whole cluster. Left out where nothing is installed. */
  readonly owner?: OwnerReference
  /** Whether this replica is the one that writes. */
  readonly leads: () => boolean
  readonly setTimer: SetTimer
  readonly onEvent: (event: TrustEvent) => void
}

export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

export type TrustEvent =
  | { readonly kind: 'trustFailed'; readonly namespace: string; readonly first: boolean; readonly error: MeshError }
  | { readonly kind: 'trustRecovered'; readonly namespace: string }

/** The key in the ConfigMap, and the file's name where it is mounted. */
export const ROOTS_KEY = 'roots.pem'
/** Somebody may have removed or changed one: no watch is kept on all ConfigMaps of a cluster for that. */
const REPAIR_MS = 60_000
const RETRY_MS = 5_000

/** Writes what differs from what it wrote, and everything again once in a while. One write at a time. */
export class TrustConfigMaps {
  readonly #options: TrustConfigMapsOptions
  readonly #written = new Map<string, string>()
  readonly #failing = new Set<string>()
  readonly #stopping = new AbortController()
  #namespaces: readonly string[] = []
  #roots = ''
  #running: Promise<void> | undefined
  #again = false
  #cancelTimer: (() => void) | undefined

  constructor(options: TrustConfigMapsOptions) {
    this.#options = options
  }

  /** From now on these namespaces have proxies. */
  namespaces(names: Iterable<string>): void {
    this.#namespaces = [...names].sort()
    this.look()
  }

  /** From now on these are the roots. */
  bundle({ roots }: TrustBundle): void {
    this.#roots = roots.join('')
    this.look()
  }

  /** Everything is written again: somebody else led until now. */
  leading(): void {
    this.#written.clear()
    this.look()
  }

  /** Resolves once nothing is being written. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#cancelTimer?.()
    await this.#running
  }

  /** Brings the cluster to what is wanted; what fails is tried again. */
  look(): void {
    if (this.#stopping.signal.aborted) return
    this.#again = true
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
      if (this.#again) this.look()
      else this.#later()
    })
  }

  #later(): void {
    if (this.#stopping.signal.aborted) return
    this.#cancelTimer?.()
    const wait = this.#failing.size > 0 ? RETRY_MS : REPAIR_MS
    this.#cancelTimer = this.#options.setTimer(() => {
      if (this.#failing.size === 0) this.#written.clear()
      this.look()
    }, wait)
  }

  async #work(): Promise<void> {
    this.#again = false
    if (!this.#options.leads() || this.#roots === '') return
    const roots = this.#roots
    const wanted = new Set(this.#namespaces)
    for (const gone of [...this.#written.keys(), ...this.#failing]) if (!wanted.has(gone)) this.#forget(gone)
    for (const namespace of wanted) {
      if (this.#stopping.signal.aborted || this.#again) return
      if (this.#written.get(namespace) !== roots) await this.#write(namespace, roots)
    }
  }

  #forget(namespace: string): void {
    this.#written.delete(namespace)
    this.#failing.delete(namespace)
  }

  async #write(namespace: string, roots: string): Promise<void> {
    const { client, fieldManager, onEvent } = this.#options
    try {
      const { signal } = this.#stopping
      await client.apply(RESOURCES.configMaps, this.#configMap(namespace, roots), { fieldManager, force: true, signal })
      this.#written.set(namespace, roots)
      if (this.#failing.delete(namespace)) onEvent({ kind: 'trustRecovered', namespace })
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      // A namespace that goes takes everything along, and its going is on its way to us.
      if (meshError(error, 'ApiNotFound') !== undefined) return
      if (!(error instanceof MeshError)) throw error
      onEvent({ kind: 'trustFailed', namespace, first: !this.#failing.has(namespace), error })
      this.#failing.add(namespace)
    }
  }

  #configMap(namespace: string, roots: string) {
    const { name, owner } = this.#options
    const ownerReferences = owner === undefined ? {} : { ownerReferences: [owner] }
    const labels = { 'app.kubernetes.io/managed-by': 'smi-mesh' }
    return { metadata: { namespace, name, labels, ...ownerReferences }, data: { [ROOTS_KEY]: roots } }
  }
}

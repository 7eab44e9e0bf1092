/**
 * The operator of SMI's own kinds, on the base class of @dot-i/k8s-operator. The class gives the life of the process, the
 * registration of kinds and the shape of events and status patches. How a cluster is followed and written is ours: what the
 * package does itself ends the process with the first broken connection, misses deletions, and writes over others' fields.
 */
import k8sOperator, { type ResourceEvent, type ResourceMeta } from '@dot-i/k8s-operator'
import type { ObjectRef } from '@smi-mesh/dataplane/mesh'
import { KINDS } from '@smi-mesh/smi-crds'
import { fieldsOf, textOf } from './facts/read.ts'
import { type Kubeconfig, type KubernetesClient, smiResourceOf } from './kubernetes/index.ts'
import { MeshError } from './mesh-error.ts'
import { type Followed, type SourceChange, smiKind } from './sources/index.ts'
import type { StatusUpdate } from './status/index.ts'
import type { Log } from './telemetry/index.ts'

const { default: Operator, ResourceEventType } = k8sOperator

/** Who owns the conditions we write. */
const FIELD_MANAGER = 'smi-mesh'

/** What runs between start and stop, once it is known which kinds to follow. */
export type Running = (kinds: readonly Followed[], signal: AbortSignal) => Promise<{ stop(): Promise<void> }>

export interface MeshOperatorOptions {
  readonly kubeconfig: Kubeconfig
  readonly client: KubernetesClient
  readonly log: Log
  readonly run: Running
  /** An SMI object is there, or has changed, or is gone. */
  readonly seen: (ref: ObjectRef, object: object | undefined) => void
}

type OnEvent = (event: ResourceEvent) => Promise<void>

export class MeshOperator extends Operator {
  readonly #options: MeshOperatorOptions
  readonly #followed: Followed[] = []
  readonly #ended = new AbortController()
  #running: { stop(): Promise<void> } | undefined

  constructor(options: MeshOperatorOptions) {
    super(loggerOf(options.log))
    this.#options = options
    this.kubeConfig = options.kubeconfig
  }

  /** Called by `start`. Resolves once proxies are served. */
  protected override async init(): Promise<void> {
    for (const { group, hub, plural } of KINDS) await this.watchResource(group, hub, plural, event => this.#seen(event))
    this.#running = await this.#options.run(this.#followed, this.#ended.signal)
  }

  /** Registers a kind. It is followed by a reflector, in the version that the cluster serves. */
  protected override async watchResource(
    group: string,
    _version: string,
    plural: string,
    onEvent: OnEvent,
  ): Promise<void> {
    const kind = KINDS.find(one => one.group === group && one.plural === plural)
    if (kind === undefined) throw new TypeError(`${plural}.${group} is no kind of SMI.`)
    const tap = (batch: readonly SourceChange[]) => {
      for (const change of batch) {
        onEvent(eventOf(change, `${plural}.${group}`)).catch((error: unknown) =>
          this.#options.log.error('mistake about an object', { object: change.ref.name, error }),
        )
      }
    }
    this.#followed.push({ ...smiKind(this.#options.client, kind), tap })
  }

  /** What `stop` began has ended: nothing runs any more. */
  async stopped(): Promise<void> {
    this.stop()
    await this.#running?.stop()
  }

  /** Gives up what has not begun to serve; `stopped` ends the rest in order. */
  override stop(): void {
    this.#ended.abort()
  }

  /** Writes conditions. Rejects with a MeshError. */
  async writeStatus({ ref, apiVersion, uid, conditions }: StatusUpdate, signal: AbortSignal): Promise<void> {
    const { kind, namespace, name } = ref
    const meta = { id: kind, apiVersion, kind, namespace, name, resourceVersion: '', uid }
    await this.#apply(meta, { conditions }, signal)
  }

  /** By server-side apply, which leaves alone what others have written. */
  protected override async patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta | null> {
    return this.#apply(meta, status, this.#ended.signal)
  }

  protected override async setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta | null> {
    return this.#apply(meta, status, this.#ended.signal)
  }

  async #apply(
    meta: ResourceMeta & { readonly uid?: string },
    status: unknown,
    signal: AbortSignal,
  ): Promise<ResourceMeta> {
    const { apiVersion, kind, namespace = '', name, uid } = meta
    const resource = smiResourceOf(apiVersion, kind)
    if (resource === undefined) {
      throw new MeshError('ApiRefused', `${kind} of ${apiVersion} has no status that the mesh could write.`)
    }
    // With its UID, an object of the same name that was made since is not written to.
    const metadata = { name, namespace, ...(uid === undefined || uid === '' ? {} : { uid }) }
    const options = { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal } as const
    const written = await this.#options.client.apply(resource, { metadata, status }, options)
    return { ...meta, resourceVersion: textOf(fieldsOf(written['metadata'])['resourceVersion']) }
  }

  async #seen({ type, meta, object }: ResourceEvent): Promise<void> {
    const ref = { kind: meta.kind, namespace: meta.namespace ?? '', name: meta.name }
    this.#options.seen(ref, type === ResourceEventType.Deleted ? undefined : object)
  }
}

function eventOf({ ref, object }: SourceChange, id: string): ResourceEvent {
  const fields = fieldsOf(object)
  const apiVersion = textOf(fields['apiVersion'])
  const { kind, namespace, name } = ref
  const resourceVersion = textOf(fieldsOf(fields['metadata'])['resourceVersion'])
  return {
    type: object === undefined ? ResourceEventType.Deleted : ResourceEventType.Modified,
    meta: { id, apiVersion, kind, namespace, name, resourceVersion },
    object: { apiVersion, kind, metadata: { name, namespace }, ...fields },
  }
}

function loggerOf(log: Log) {
  return {
    debug: (message: string) => log.debug(message),
    info: (message: string) => log.info(message),
    warn: (message: string) => log.warn(message),
    error: (message: string) => log.error(message),
  }
}

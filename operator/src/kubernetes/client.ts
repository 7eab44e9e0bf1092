/**
 * What the mesh asks of an API server: plain JSON in, plain JSON out. Objects are `unknown` fields to their readers, for what a
 * cluster holds need not be what its schema says. Failures are MeshErrors of codes `Api…`; nothing is retried here.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import { MeshError } from '../mesh-error.ts'
import type { Connection } from './connection.ts'
import { type Ask, exchange, follow } from './exchange.ts'
import {
  apiVersionText,
  collectionPath,
  nameText,
  type ObjectName,
  objectPath,
  RESOURCES,
  type Resource,
} from './resources.ts'

interface Asking {
  readonly signal?: AbortSignal | undefined
  /** To the end of the answer. */
  readonly timeoutMs?: number
}

export interface Selection extends Asking {
  /** All namespaces where absent. */
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export interface Listing extends Selection {
  /** Objects in a page; 0 for all in one. */
  readonly limit?: number
  /** The oldest state that will do: `0` for whatever the server has at hand. The newest where absent. */
  readonly resourceVersion?: string
}

export interface Page {
  readonly items: readonly Fields[]
  /** Of the whole list, the same in each of its pages: where a watch goes on. */
  readonly resourceVersion: string
}

export interface Watching extends Selection {
  readonly resourceVersion: string
  /** After how long the server is to end the watch in good order. */
  readonly serverTimeoutMs: number
  /** A connection on which nothing comes for so long is taken for dead. Bookmarks come every minute. */
  readonly silenceMs: number
  readonly onOpen?: () => void
  /** Whole events as they were sent, `{"type": …, "object": …}`, as many as came at once. */
  readonly onLines: (lines: readonly string[]) => void
}

export interface Applying extends Asking {
  /** Who owns the fields that are set. */
  readonly fieldManager: string
  readonly subresource?: 'status'
  /** Take fields that somebody else owns. */
  readonly force?: boolean
}

const TIMEOUT_MS = 15_000
const LIST_TIMEOUT_MS = 60_000
const PAGE = 500
const JSON_TYPE = 'application/json'
/** JSON is YAML. */
const APPLY_TYPE = 'application/apply-patch+yaml'

export class KubernetesClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async get(resource: Resource, at: ObjectName, { signal, timeoutMs = TIMEOUT_MS }: Asking = {}): Promise<Fields> {
    const what = `reading ${nameText(resource, at)}`
    return this.#object({ what, method: 'GET', path: objectPath(resource, at), signal, timeoutMs })
  }

  /** All objects, page by page. Items of a list lack apiVersion and kind; they are as the server sent them. */
  async *list(resource: Resource, options: Listing = {}): AsyncGenerator<Page, void> {
    const { namespace, limit = PAGE, resourceVersion, signal, timeoutMs = LIST_TIMEOUT_MS } = options
    const what = `reading ${resource.plural}`
    let more = ''
    do {
      const query = queryOf({
        ...selecting(options),
        limit: limit === 0 ? undefined : String(limit),
        // A continued list is of the version it began with.
        ...(more === '' ? { resourceVersion } : { continue: more }),
      })
      const path = `${collectionPath(resource, namespace)}${query}`
      const page = await this.#object({ what, method: 'GET', path, signal, timeoutMs })
      const meta = fieldsOf(page['metadata'])
      const version = textOf(meta['resourceVersion'])
      if (!Array.isArray(page['items']) && page['items'] !== null && page['items'] !== undefined) throw unusable(what)
      if (version === '') throw unusable(what) // an empty list of a proxy's making must not pass for one of the cluster's
      yield { items: listOf(page['items']).map(fieldsOf), resourceVersion: version }
      more = textOf(meta['continue'])
    } while (more !== '')
  }

  /** Follows changes from a version on. Resolves when the server ends the watch, rejects when anything else does. */
  async watch(resource: Resource, options: Watching): Promise<void> {
    const { namespace, resourceVersion, serverTimeoutMs, signal, timeoutMs = TIMEOUT_MS, ...stream } = options
    const query = queryOf({
      ...selecting(options),
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion,
      timeoutSeconds: String(Math.max(1, Math.round(serverTimeoutMs / 1000))),
    })
    const path = `${collectionPath(resource, namespace)}${query}`
    await follow(
      this.#connection,
      { what: `watching ${resource.plural}`, method: 'GET', path, signal, timeoutMs },
      stream,
    )
  }

  /** A new object; `ApiConflict` where one of its name exists. A dry run goes all the way, webhooks included, and keeps nothing. */
  async create(
    resource: Resource,
    object: Fields,
    { signal, timeoutMs = TIMEOUT_MS, dryRun = false }: Asking & { readonly dryRun?: boolean } = {},
  ): Promise<Fields> {
    const at = nameOf(object)
    const what = `creating ${nameText(resource, at)}`
    const path = `${collectionPath(resource, at.namespace)}${queryOf({ dryRun: dryRun ? 'All' : undefined })}`
    return this.#send({ what, method: 'POST', path, signal, timeoutMs }, resource, object)
  }

  /** The whole object anew; with `metadata.resourceVersion`, only in place of that version (`ApiConflict` otherwise). */
  async replace(resource: Resource, object: Fields, { signal, timeoutMs = TIMEOUT_MS }: Asking = {}): Promise<Fields> {
    const at = nameOf(object)
    const what = `replacing ${nameText(resource, at)}`
    return this.#send({ what, method: 'PUT', path: objectPath(resource, at), signal, timeoutMs }, resource, object)
  }

  /** Server-side apply: the fields given become ours, those we gave before and left out now are removed. */
  async apply(resource: Resource, object: Fields, options: Applying): Promise<Fields> {
    const { fieldManager, subresource, force = false, signal, timeoutMs = TIMEOUT_MS } = options
    const at = nameOf(object)
    const query = queryOf({ fieldManager, force: force ? 'true' : undefined })
    const path = `${objectPath(resource, at)}${subresource === undefined ? '' : `/${subresource}`}${query}`
    const what = `applying ${nameText(resource, at)}`
    return this.#send({ what, method: 'PATCH', path, signal, timeoutMs }, resource, object, APPLY_TYPE)
  }

  /** Resolves as well where the object is gone already. With a version or a UID, only that one goes (`ApiConflict`). */
  async remove(
    resource: Resource,
    at: ObjectName,
    options: Asking & { readonly uid?: string; readonly resourceVersion?: string } = {},
  ): Promise<void> {
    const { signal, timeoutMs = TIMEOUT_MS, uid, resourceVersion } = options
    const what = `removing ${nameText(resource, at)}`
    const text = JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } })
    const body = { contentType: JSON_TYPE, text }
    const path = objectPath(resource, at)
    await exchange(this.#connection, { what, method: 'DELETE', path, body, signal, timeoutMs }).catch(
      (error: unknown) => {
        if (!(error instanceof MeshError) || error.code !== 'ApiNotFound') throw error
      },
    )
  }

  /** The `status` of a TokenReview, SubjectAccessReview and their like, answered for this `spec`. */
  async postReview(resource: Resource, spec: Fields, { signal, timeoutMs = TIMEOUT_MS }: Asking = {}): Promise<Fields> {
    const what = `asking for a ${resource.kind}`
    const ask: Ask = { what, method: 'POST', path: collectionPath(resource), signal, timeoutMs }
    return fieldsOf((await this.#send(ask, resource, { metadata: {}, spec }))['status'])
  }

  /** The versions of a group and the plural names served in each; empty where the group is not served at all. */
  async served(group: string, { signal, timeoutMs = TIMEOUT_MS }: Asking = {}): Promise<readonly ServedVersion[]> {
    const what = `asking what of ${group} is served`
    const ask = (path: string) => this.#object({ what, method: 'GET', path, signal, timeoutMs }).catch(absent)
    const found = await ask(`/apis/${group}`)
    const versions = listOf(found?.['versions']).map(one => textOf(fieldsOf(one)['version']))
    return Promise.all(
      versions.map(async version => {
        const resources = await ask(`/apis/${group}/${version}`)
        return { version, plurals: listOf(resources?.['resources']).map(one => textOf(fieldsOf(one)['name'])) }
      }),
    )
  }

  /** What the server says of itself: `gitVersion`, `major`, `minor`. */
  async version({ signal, timeoutMs = TIMEOUT_MS }: Asking = {}): Promise<Fields> {
    return this.#object({ what: 'asking for its version', method: 'GET', path: '/version', signal, timeoutMs })
  }

  /** What a pod answers at a path of one of its ports, as text. The API server asks it for us, over plain HTTP. */
  async fromPod(
    { namespace, name }: ObjectName,
    { port, path }: { readonly port: number; readonly path: string },
    { signal, timeoutMs = TIMEOUT_MS }: Asking = {},
  ): Promise<string> {
    const at = { namespace, name: `${name}:${port}` }
    const what = `asking pod ${namespace}/${name} for ${path}`
    const whole = `${objectPath(RESOURCES.pods, at)}/proxy${path}`
    return exchange(this.#connection, { what, method: 'GET', path: whole, signal, timeoutMs })
  }

  /** Ends idle connections; requests under way are their callers' to abort. */
  close(): void {
    this.#connection.close()
  }

  #send(ask: Ask, resource: Resource, object: Fields, contentType = JSON_TYPE): Promise<Fields> {
    const named = { apiVersion: apiVersionText(resource), kind: resource.kind, ...object }
    return this.#object({ ...ask, body: { contentType, text: JSON.stringify(named) } })
  }

  async #object(ask: Ask): Promise<Fields> {
    const text = await exchange(this.#connection, ask)
    try {
      const value: unknown = JSON.parse(text)
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return fieldsOf(value)
    } catch {
      // told below: what is no JSON is no object either
    }
    throw unusable(ask.what)
  }
}

export interface ServedVersion {
  readonly version: string
  readonly plurals: readonly string[]
}

function absent(error: unknown): undefined {
  if (error instanceof MeshError && error.code === 'ApiNotFound') return undefined
  throw error
}

function unusable(what: string): MeshError {
  return new MeshError('ApiUnusable', `The answer to ${what} is not what an API server sends. Is it one?`)
}

function nameOf(object: Fields): ObjectName {
  const metadata = fieldsOf(object['metadata'])
  return { namespace: textOf(metadata['namespace']), name: textOf(metadata['name']) }
}

function selecting({ labelSelector, fieldSelector }: Selection): Readonly<Record<string, string | undefined>> {
  return { labelSelector, fieldSelector }
}

function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}

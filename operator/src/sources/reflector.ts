/**
 * Follows one resource of an API server: list, then watch from there, for ever. Survives whatever happens to the connection,
 * and takes nothing for gone that the server has not said to be gone. What objects mean is not known here.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Backoff } from '../backoff.ts'
import { fieldsOf, textOf } from '../facts/read.ts'
import { type Resource, refusedInWatch } from '../kubernetes/index.ts'
import { MeshError } from '../mesh-error.ts'
import { Audit } from './audit.ts'
import { type ListUnderWay, Reflected, versionsIn } from './reflected.ts'
import {
  DEFAULT_TIMING,
  type ReflectorOptions,
  type ReflectorState,
  type ReflectorTiming,
} from './reflector-options.ts'
import type { SourceChange } from './source.ts'

/** One broken watch is the weather. What fails again is told. */
const TELL_AFTER = 2
/** Being asked to wait, or to begin anew, is how a kind that has just been installed begins: told where it lasts. */
const TELL_PASSING_AFTER = 6
const PASSING: ReadonlySet<string> = new Set(['ApiThrottled', 'ApiGone'])
/** A server that answers, and fails to go on from a version again and again, may have lost that version. */
const LIST_AFTER_FAILURES = 5
/** After these, going on from where the watch was would meet the same again. */
const LIST_AFTER: ReadonlySet<string> = new Set(['ApiGone', 'ApiUnusable', 'ApiNotFound', 'ApiRefused'])

export class Reflector {
  readonly name: string
  readonly #options: ReflectorOptions
  readonly #timing: ReflectorTiming
  readonly #backoff: Backoff
  readonly #stopping = new AbortController()
  readonly #reflected = new Reflected()
  #running: Promise<unknown> | undefined
  #resource: Resource | undefined
  /** From where the next watch goes on; undefined where a list must come first. */
  #version: string | undefined
  /** Aborted where the watch under way must give way to a list. */
  #relist = new AbortController()
  #state: ReflectorState = { kind: 'starting' }
  #synced = false
  #heardAt: number
  readonly #audit = new Audit()
  /** The last list held an object that cannot be read; it is asked for again. */
  #isIncomplete = false
  #again: NodeJS.Timeout | undefined

  constructor(options: ReflectorOptions) {
    this.name = options.name
    this.#options = options
    this.#timing = { ...DEFAULT_TIMING, ...options.timing }
    const { retryFirstMs: firstMs, retryMostMs: mostMs } = this.#timing
    this.#backoff = new Backoff({ firstMs, mostMs, random: options.random })
    this.#heardAt = options.now()
  }

  get state(): ReflectorState {
    return this.#state
  }

  /** The first list has been told to its end, or there is nothing to list. */
  get synced(): boolean {
    return this.#synced
  }

  /** How long the server has not been heard of. */
  get silentMs(): number {
    return this.#options.now() - this.#heardAt
  }

  get size(): number {
    return this.#reflected.size
  }

  start(): void {
    this.#running = Promise.all([this.#follow(), this.#auditNowAndThen()])
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#again)
    await this.#running
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const began = this.#options.now()
      try {
        await this.#once()
        // A watch that ends as soon as it begins would be begun in a circle.
        if (this.#options.now() - began < this.#timing.retryFirstMs) await pause(this.#backoff.next(), signal)
      } catch (error) {
        if (signal.aborted) return
        // A watch that held for so long was a good one, even where there was nothing to tell.
        if (this.#options.now() - began > this.#timing.retryMostMs) this.#backoff.succeeded()
        this.#failed(error)
        await pause(this.#backoff.next(error), signal)
      }
    }
  }

  /** A list where one is needed, then a watch to its end. */
  async #once(): Promise<void> {
    const { signal } = this.#stopping
    const resource = await this.#found()
    if (resource === undefined) {
      this.#version = undefined
      this.#heardAt = this.#options.now()
      this.#become({ kind: 'absent' }, true)
      await pause(this.#timing.absentMs * (0.9 + this.#options.random() / 5), signal)
      return
    }
    if (resource.version !== this.#resource?.version) {
      this.#version = undefined
      this.#reflected.forgetVersions()
    }
    this.#resource = resource
    this.#version ??= await this.#list(resource)
    await this.#watch(resource, this.#version)
  }

  /** What was followed last, where it cannot be found out just now. */
  async #found(): Promise<Resource | undefined> {
    try {
      return await this.#options.find(this.#stopping.signal)
    } catch (error) {
      if (this.#resource === undefined) throw error
      return this.#resource
    }
  }

  /** Tells what has changed and resolves with where a watch goes on. */
  async #list(resource: Resource): Promise<string> {
    this.#audit.drop()
    const count = { changed: 0, removed: 0 }
    let found = await this.#read(resource, this.#timing.pageSize, count)
    if (found.list.seen.size === 0 && this.#reflected.size > 0) {
      await wait(this.#timing.confirmMs, undefined, { signal: this.#stopping.signal })
      found = await this.#read(resource, this.#timing.pageSize, count)
    }
    const gone = this.#reflected.missing(resource, found.list)
    count.removed = gone.length
    if (gone.length > 0) this.#options.on.changes(gone)
    this.#options.on.event({ kind: 'listed', objects: this.#reflected.size, ...count })
    if (found.list.isWhole) this.#become({ kind: 'following' }, true)
    else this.#incomplete()
    return found.resourceVersion
  }

  /** Every page, told as it comes. Where the server forgets the version between two pages, all of it in one. */
  async #read(
    resource: Resource,
    limit: number,
    count: { changed: number },
  ): Promise<{ readonly list: ListUnderWay; readonly resourceVersion: string }> {
    const list: ListUnderWay = { seen: new Set(), isWhole: true }
    let resourceVersion = ''
    try {
      for await (const page of this.#options.client.list(resource, { limit, signal: this.#stopping.signal })) {
        this.#heardAt = this.#options.now()
        const changes = this.#reflected.page(resource, page.items, list)
        if (changes.length > 0) this.#options.on.changes(changes)
        count.changed += changes.length
        resourceVersion = page.resourceVersion
      }
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'ApiGone' || limit === 0) throw error
      return this.#read(resource, 0, count)
    }
    return { list, resourceVersion }
  }

  async #watch(resource: Resource, resourceVersion: string): Promise<void> {
    const { client, random, now } = this.#options
    const relist = new AbortController()
    this.#relist = relist
    try {
      await client.watch(resource, {
        resourceVersion,
        serverTimeoutMs: this.#timing.watchMs * (1 + random()),
        silenceMs: this.#timing.silenceMs,
        signal: AbortSignal.any([this.#stopping.signal, relist.signal]),
        onOpen: () => {
          this.#heardAt = now()
          if (this.#state.kind === 'failing' && !this.#isIncomplete) this.#become({ kind: 'following' })
        },
        onLines: lines => {
          this.#heardAt = now()
          this.#take(resource, lines)
          this.#backoff.succeeded()
        },
      })
    } catch (error) {
      if (relist.signal.aborted) {
        this.#version = undefined // lines that came before the abort may have set it again
        return
      }
      if (error instanceof MeshError && this.#isVersionLost(error)) this.#version = undefined
      throw error
    }
  }

  #isVersionLost({ code }: MeshError): boolean {
    return LIST_AFTER.has(code) || (code !== 'ApiUnreachable' && this.#backoff.failures >= LIST_AFTER_FAILURES)
  }

  /** Events that came together are told together. What is read of a line that cannot be is told before. */
  #take(resource: Resource, lines: readonly string[]): void {
    const changes: SourceChange[] = []
    try {
      for (const line of lines) {
        const change = this.#event(resource, line)
        if (change !== undefined) changes.push(change)
      }
    } finally {
      if (changes.length > 0) this.#options.on.changes(changes)
    }
    this.#judge()
  }

  #event(resource: Resource, line: string): SourceChange | undefined {
    const { type, object: sent } = parsed(line)
    if (type === 'ERROR') throw refusedInWatch(`watching ${resource.plural}`, sent)
    const object = fieldsOf(sent)
    const version = textOf(fieldsOf(object['metadata'])['resourceVersion'])
    if (version === '') throw unreadable(this.name)
    if (type === 'BOOKMARK') {
      this.#version = version
      return undefined
    }
    const noted = type === 'DELETED' ? this.#reflected.drop(resource, object) : this.#reflected.put(resource, object)
    if (noted.kind === 'unreadable') throw unreadable(this.name)
    this.#version = version
    if (noted.kind === 'same') return undefined
    this.#audit.touch(noted.key)
    return noted.change
  }

  /** Some object of the list cannot be read: follow the others, and look again later. */
  #incomplete(): void {
    this.#isIncomplete = true
    this.#become({ kind: 'failing', message: unreadable(this.name).message }, true)
    clearTimeout(this.#again)
    this.#again = setTimeout(() => this.#listAnew(), this.#backoff.next())
  }

  #listAnew(): void {
    this.#version = undefined
    this.#relist.abort()
  }

  #failed(error: unknown): void {
    this.#options.on.event({ kind: 'broken', error })
    const isPassing = error instanceof MeshError && PASSING.has(error.code)
    if (this.#synced && this.#backoff.failures + 1 < (isPassing ? TELL_PASSING_AFTER : TELL_AFTER)) return
    const message = error instanceof Error ? error.message : String(error)
    this.#become({ kind: 'failing', message })
  }

  #become(state: ReflectorState, synced = this.#synced): void {
    if (state.kind === 'following') this.#isIncomplete = false
    const isNew = JSON.stringify(state) !== JSON.stringify(this.#state) || synced !== this.#synced
    this.#state = state
    this.#synced = synced
    if (isNew) this.#options.on.stated()
  }

  async #auditNowAndThen(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await pause(this.#timing.auditMs * (0.9 + this.#options.random() / 5), signal)
      if (signal.aborted) return
      await this.#beginAudit().catch((error: unknown) => {
        if (!signal.aborted) this.#options.on.event({ kind: 'broken', error })
      })
    }
  }

  /** Lists versions alone. They are compared once the watch has come as far, for only then do both speak of the same moment. */
  async #beginAudit(): Promise<void> {
    const resource = this.#resource
    if (resource === undefined || this.#state.kind !== 'following') return
    this.#audit.begin()
    const listed = new Map<string, string>()
    let resourceVersion = ''
    const asking = { limit: this.#timing.pageSize, signal: this.#stopping.signal }
    for await (const page of this.#options.client.list(resource, asking)) {
      versionsIn(page.items, listed)
      resourceVersion = page.resourceVersion
    }
    this.#audit.listed(listed, resourceVersion)
    this.#judge()
  }

  #judge(): void {
    const verdict = this.#audit.verdict(this.#version, this.#reflected)
    if (verdict === undefined) return
    this.#options.on.event({ kind: 'audited', ...verdict })
    if (verdict.differences > 0) this.#listAnew() // which repairs, as every list does
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined) // aborted: whoever waits looks at the signal
}

function parsed(line: string): { readonly type: string; readonly object: unknown } {
  try {
    const { type, object } = fieldsOf(JSON.parse(line))
    if (EVENTS.has(textOf(type))) return { type: textOf(type), object }
  } catch {
    // no JSON: told like whatever else is no event
  }
  throw new MeshError('ApiUnusable', 'The API server sent a line within a watch that is no event.')
}

const EVENTS: ReadonlySet<string> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'])

function unreadable(name: string): MeshError {
  const message = `The API server sent an object of ${name} without a name or a version. Objects known before stay as they were.`
  return new MeshError('ApiUnusable', message)
}

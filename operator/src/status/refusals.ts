/**
 * What proxies of all replicas refuse, for the one that writes statuses: each replica keeps a line in one ConfigMap for as long as
 * proxies of its own refuse something, and the leader reads it. A line that nobody renews is of a replica that has died; it is
 * aged by the reader's own clock, as leases are. Where nothing is refused, nothing is written. Knows nothing of streams.
 */
import { type ObjectRef, refText } from '@smi-mesh/dataplane/mesh'
import { Backoff } from '../backoff.ts'
import { compareText, type Finding, finding } from '../compile/finding.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import { type KubernetesClient, type ObjectName, RESOURCES } from '../kubernetes/index.ts'
import { meshError } from '../mesh-error.ts'

export type Refused = ReadonlyMap<string, readonly Finding[]>

export interface SharedRefusalsOptions {
  readonly client: Pick<KubernetesClient, 'get' | 'apply' | 'replace'>
  /** Of the ConfigMap, which is made where there is none. */
  readonly at: ObjectName
  /** Of this replica alone. */
  readonly identity: string
  /** What proxies of this replica refuse, by the text of the object it was made from. */
  readonly own: () => Refused
  readonly leads: () => boolean
  /** What proxies of the others refuse has changed. */
  readonly onChange: () => void
  /** The first of several in a row. */
  readonly onFailure: (error: unknown) => void
  /** Milliseconds that never go backwards. */
  readonly now: () => number
  readonly random: () => number
  readonly setTimer: (callback: () => void, ms: number) => () => void
}

/** Between looks of the leader, and between a refusal and its line. */
const TURN_MS = 5_000
const RENEW_MS = 30_000
/** Three renewals that did not come. */
const DEAD_MS = 100_000
const RETRY_MOST_MS = 60_000
/** For the last question, and as long for the last word: proxies wait to be let go. */
const LAST_MS = 2_000
/** An object in etcd has 1.5 MB at most, and there are several replicas. */
const MOST_OBJECTS = 100
const LONGEST_MESSAGE = 1_000
const FIELD_MANAGER = 'smi-mesh'
const NOTHING: Refused = new Map()

interface Seen {
  readonly text: string
  readonly at: number
}

export class SharedRefusals {
  readonly #options: SharedRefusalsOptions
  readonly #key: string
  readonly #stopping = new AbortController()
  readonly #backoff: Backoff
  /** Lines of others, and since when they are as they are. */
  #seen: ReadonlyMap<string, Seen> = new Map()
  #others: Refused = NOTHING
  /** What our line says, and since when; undefined where there is none. */
  #published: Seen | undefined
  #turning: Promise<void> = Promise.resolve()
  #cancel: () => void = () => undefined

  constructor(options: SharedRefusalsOptions) {
    this.#options = options
    this.#key = keyOf(options.identity)
    this.#backoff = new Backoff({ firstMs: TURN_MS, mostMs: RETRY_MOST_MS, random: options.random })
  }

  /** What proxies of other replicas refuse, as far as this one leads and has read. */
  others(): Refused {
    return this.#others
  }

  start(): void {
    this.#turning = this.turn().then(waitMs => {
      if (!this.#stopping.signal.aborted) this.#cancel = this.#options.setTimer(() => this.start(), waitMs)
    })
  }

  /** One look at both sides; resolves with how long to wait for the next. `start` makes one after the other. */
  async turn(): Promise<number> {
    try {
      if (this.#mustWrite() || this.#options.leads()) await this.#exchange()
      if (!this.#options.leads()) this.#take(new Map())
      this.#backoff.succeeded()
      return TURN_MS
    } catch (error) {
      if (this.#stopping.signal.aborted) return 0
      const isBeaten = meshError(error, 'ApiConflict') !== undefined // another replica wrote first
      if (this.#backoff.failures === 0 && !isBeaten) this.#options.onFailure(error)
      return this.#backoff.next(error)
    }
  }

  /** Takes this replica's line away: its proxies go to another. Where that cannot be done, the line ages. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#cancel()
    await this.#turning
    if (this.#published === undefined) return
    try {
      await this.#write(await this.#read({ timeoutMs: LAST_MS }), undefined)
    } catch (error) {
      this.#options.onFailure(error)
    }
  }

  #mustWrite(): boolean {
    const text = lineOf(this.#options.own())
    if (text !== this.#published?.text) return true
    return this.#published !== undefined && this.#options.now() - this.#published.at >= RENEW_MS
  }

  async #exchange(): Promise<void> {
    const { now, own, leads } = this.#options
    const found = await this.#read({ signal: this.#stopping.signal })
    const data = fieldsOf(found.object?.['data'])
    const lines = Object.entries(data).filter(([key]) => key !== this.#key)
    const seen = new Map<string, Seen>()
    for (const [key, value] of lines) {
      const before = this.#seen.get(key)
      seen.set(key, before !== undefined && before.text === value ? before : { text: textOf(value), at: now() })
    }
    this.#seen = seen
    const dead = [...seen].filter(([, { at }]) => now() - at >= DEAD_MS).map(([key]) => key)
    const text = lineOf(own())
    // One of our own that we know nothing of is from before a restart.
    const isStale = text === undefined && data[this.#key] !== undefined
    if (this.#mustWrite() || isStale || (leads() && dead.length > 0))
      await this.#write(found, text, leads() ? dead : [])
    this.#take(new Map([...seen].filter(([key]) => leads() && !dead.includes(key))))
  }

  #take(lines: ReadonlyMap<string, Seen>): void {
    const before = this.#others
    this.#others = merged([...lines.values()].map(({ text }) => text))
    if (lineOf(before) !== lineOf(this.#others)) this.#options.onChange()
  }

  async #read(asking: Asking): Promise<Found> {
    const { client, at } = this.#options
    const object = await client.get(RESOURCES.configMaps, at, asking).catch((error: unknown) => {
      if (meshError(error, 'ApiNotFound')) return undefined
      throw error
    })
    return { object, asking }
  }

  /** In place of the version that was read: another replica that wrote meanwhile is not undone. The next turn tries again. */
  async #write({ object, asking }: Found, line: string | undefined, without: readonly string[] = []): Promise<void> {
    const { client, now } = this.#options
    const own = line === undefined ? undefined : `${line.slice(0, -1)},"renewed":${Math.round(now())}}`
    const replaced = object ?? (own === undefined ? undefined : await this.#made(asking))
    const kept = Object.entries(fieldsOf(replaced?.['data'])).filter(
      ([key]) => key !== this.#key && !without.includes(key),
    )
    const data = Object.fromEntries(own === undefined ? kept : [...kept, [this.#key, own]])
    if (replaced !== undefined) await client.replace(RESOURCES.configMaps, { ...replaced, data }, asking)
    this.#published = line === undefined ? undefined : { text: line, at: now() }
  }

  /**
   * By apply, for which a role can ask a name, and without a line: of two who make it at once, none takes away what the other has
   * written by then.
   */
  #made(asking: Asking): Promise<Fields> {
    const { client, at } = this.#options
    return client.apply(RESOURCES.configMaps, { metadata: { ...at } }, { fieldManager: FIELD_MANAGER, ...asking })
  }
}

interface Asking {
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

interface Found {
  readonly object: Fields | undefined
  /** How it was asked for, and how it is written back. */
  readonly asking: Asking
}

/** The same text for the same refusals; undefined where there are none. */
function lineOf(refused: Refused): string | undefined {
  const objects = [...refused.values()]
    .flatMap(found => found.slice(0, 1))
    .map(({ about, message }) => ({ ...about, message: message.slice(0, LONGEST_MESSAGE) }))
    .sort((a, b) => compareText(refText(a), refText(b)))
  return objects.length === 0 ? undefined : JSON.stringify({ refused: objects.slice(0, MOST_OBJECTS) })
}

/** Lines that cannot be read say nothing: somebody else wrote them. */
function merged(lines: readonly string[]): Refused {
  const found = lines.flatMap(line => listOf(parsed(line)['refused']).flatMap(refusalIn))
  return Map.groupBy(found, ({ about }) => refText(about))
}

function refusalIn(value: unknown): readonly Finding[] {
  const fields = fieldsOf(value)
  const [kind, namespace, name] = ['kind', 'namespace', 'name'].map(field => textOf(fields[field]))
  if (kind === undefined || namespace === undefined || name === undefined || name === '') return []
  const about: ObjectRef = { kind, namespace, name }
  return [finding(about, 'ProxyRejected', '', textOf(fields['message']).slice(0, LONGEST_MESSAGE))]
}

function parsed(line: string): Fields {
  try {
    return fieldsOf(JSON.parse(line))
  } catch {
    return {}
  }
}

/** Keys of a ConfigMap are letters, digits, `-`, `_` and `.`; names of pods are such, and others are spelled out. */
function keyOf(identity: string): string {
  return identity.replaceAll(/[^-.\w]/g, sign => `_${sign.codePointAt(0)?.toString(16)}`).slice(0, 253)
}

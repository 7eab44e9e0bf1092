/**
 * Events of Kubernetes: what a user sees under `kubectl describe` when something of theirs does not do what it says. The same
 * words about the same object are said once in a while, not each time; a failure to say them is of no consequence but a log line.
 */
import { createHash } from 'node:crypto'
import type { Fields } from '../facts/read.ts'
import { type KubernetesClient, RESOURCES } from '../kubernetes/index.ts'
import { meshError } from '../mesh-error.ts'
import type { StatusUpdate } from './writer.ts'
import type { Written, WrittenCondition } from './written.ts'

/** What an event is about. The UID may be empty where the object is still to be made. */
export interface EventSubject {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface Announcement {
  readonly reason: string
  readonly message: string
}

export interface AnnouncerOptions {
  readonly client: Pick<KubernetesClient, 'create'>
  /** Which replica speaks. */
  readonly instance: string
  /** Wall clock. */
  readonly clock: () => number
  /** The first of several in a row. */
  readonly onFailure: (error: unknown) => void
}

const SILENCE_MS = 600_000
const MOST_REMEMBERED = 2_000
const MOST_IN_FLIGHT = 8
/** Whoever reaches the webhooks can make us speak. So many at once, and one each half second after that. */
const BURST = 40
const REFILL_MS = 500
/** An API server takes no more. */
const LONGEST_MESSAGE = 1_024

export class Announcer {
  readonly #options: AnnouncerOptions
  /** When what was said, the oldest first. */
  readonly #said = new Map<string, number>()
  readonly #inFlight = new Set<Promise<unknown>>()
  readonly #stopping = new AbortController()
  #words = BURST
  #refilledAt: number
  #failing = false

  constructor(options: AnnouncerOptions) {
    this.#options = options
    this.#refilledAt = options.clock()
  }

  /** Says it, unless it was said of late or too much is being said already: a condition says the same, and stays. */
  warn(about: EventSubject, announcement: Announcement): void {
    const { client, clock } = this.#options
    const now = clock()
    const words = `${about.namespace}/${about.kind}/${about.name}/${about.uid}/${announcement.reason}/${announcement.message}`
    const key = createHash('sha256').update(words).digest('hex')
    if (this.#inFlight.size >= MOST_IN_FLIGHT || now - (this.#said.get(key) ?? -SILENCE_MS) < SILENCE_MS) return
    if (!this.#maySpeak(now)) return
    this.#remember(key, now)
    const { signal } = this.#stopping
    const saying = client
      .create(RESOURCES.events, eventOf(about, announcement, { key, now, instance: this.#options.instance }), {
        signal,
      })
      .then(
        () => {
          this.#failing = false
        },
        (error: unknown) => this.#failed(error),
      )
      .finally(() => this.#inFlight.delete(saying))
    this.#inFlight.add(saying)
  }

  /** Resolves once all that was begun has been said. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.settled()
  }

  /** A clock that was set back gives nothing and takes nothing. */
  #maySpeak(now: number): boolean {
    this.#words = Math.min(BURST, this.#words + Math.max(0, now - this.#refilledAt) / REFILL_MS)
    this.#refilledAt = now
    if (this.#words < 1) return false
    this.#words--
    return true
  }

  #failed(error: unknown): void {
    if (meshError(error, 'ApiTerminating') !== undefined) return // whom it would tell has taken the namespace away
    if (!this.#stopping.signal.aborted && !this.#failing) this.#options.onFailure(error)
    this.#failing = true
  }

  #remember(key: string, now: number): void {
    this.#said.delete(key)
    this.#said.set(key, now)
    const [oldest] = this.#said.keys()
    if (this.#said.size > MOST_REMEMBERED && oldest !== undefined) this.#said.delete(oldest)
  }
}

/** What a status that was written says newly of its object. */
export function announceStatus(
  announcer: Pick<Announcer, 'warn'>,
  { update, before }: { readonly update: StatusUpdate; readonly before: Written },
): void {
  const { ref, apiVersion, uid, conditions } = update
  const { kind, namespace, name } = ref
  for (const announcement of newlyWrong(conditions, before.conditions)) {
    announcer.warn({ apiVersion, kind, namespace, name, uid }, announcement)
  }
}

/** What is newly wrong with an object, by what its conditions said before. */
export function newlyWrong(
  conditions: readonly WrittenCondition[],
  before: ReadonlyMap<string, Fields>,
): readonly Announcement[] {
  return conditions.flatMap(({ type, status, reason, message }) => {
    const found = before.get(type)
    const isKnown = found?.['status'] === status && found['reason'] === reason && found['message'] === message
    return status !== 'False' || isKnown ? [] : [{ reason, message }]
  })
}

function eventOf(
  { apiVersion, kind, namespace, name, uid }: EventSubject,
  { reason, message }: Announcement,
  { key, now, instance }: { readonly key: string; readonly now: number; readonly instance: string },
): Fields {
  const time = `${new Date(now).toISOString().slice(0, 19)}Z`
  return {
    metadata: { namespace, name: `${name.slice(0, 200)}.${key.slice(0, 12)}${now.toString(16)}` },
    involvedObject: { apiVersion, kind, namespace, name, ...(uid === '' ? {} : { uid }) },
    type: 'Warning',
    reason,
    message: message.slice(0, LONGEST_MESSAGE),
    source: { component: 'smi-mesh' },
    reportingComponent: 'smi-mesh.dev/operator',
    reportingInstance: instance,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  }
}

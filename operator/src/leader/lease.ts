/**
 * Who of several replicas writes: the holder of a Lease. Records of others are aged by our own clock from when we saw them
 * change, so that clocks which disagree elect nobody twice. Knows nothing of what leaders do.
 */
import { type Fields, fieldsOf, textOf } from '../facts/read.ts'
import { type KubernetesClient, type ObjectName, RESOURCES } from '../kubernetes/index.ts'
import { meshError } from '../mesh-error.ts'

export interface LeaseTiming {
  /** After this long without a change, a record is dead and may be taken. */
  readonly leaseMs: number
  /** A leader that could not renew for this long leads no more. Less than `leaseMs`, or two would lead. */
  readonly renewMs: number
  /** Between attempts. */
  readonly retryMs: number
}

export const DEFAULT_LEASE: LeaseTiming = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 }

export type LeaseEvent =
  | { readonly kind: 'acquired' }
  | { readonly kind: 'lost'; readonly to: string }
  /** An attempt failed; `first` of several in a row. */
  | { readonly kind: 'failed'; readonly first: boolean; readonly error: unknown }

export interface LeaseOptions {
  readonly client: KubernetesClient
  readonly at: ObjectName
  /** Of this replica alone, such as the name of its pod. */
  readonly identity: string
  /** Whether this replica should lead where it can; always, where left out. One that should no more lets go. */
  readonly mayLead?: () => boolean
  /** Begins or ends to lead. Not told after `stop`. */
  readonly onChange: (leads: boolean) => void
  readonly onEvent?: (event: LeaseEvent) => void
  /** Milliseconds that never go backwards. */
  readonly now: () => number
  /** Wall clock, for people who read the record. */
  readonly clock: () => number
  readonly random: () => number
  /** Calls back later; the result cancels. */
  readonly setTimer: (callback: () => void, ms: number) => () => void
  readonly timing?: Partial<LeaseTiming>
}

interface Observed {
  readonly text: string
  readonly at: number
}

export class Lease {
  readonly #options: LeaseOptions
  readonly #timing: LeaseTiming
  readonly #stopping = new AbortController()
  /** The record as last seen to change. */
  #observed: Observed | undefined
  /** When the request was begun that made us the holder, or renewed it; undefined where somebody else is. */
  #heldAt: number | undefined
  #failing = false
  #cancels: (() => void)[] = []
  #turning: Promise<void> = Promise.resolve()

  constructor(options: LeaseOptions) {
    this.#options = options
    this.#timing = { ...DEFAULT_LEASE, ...options.timing }
  }

  /** Whether this replica may write now. Says no in time even where requests hang. */
  get leads(): boolean {
    return this.#heldAt !== undefined && this.#options.now() - this.#heldAt < this.#timing.renewMs
  }

  start(): void {
    this.#turning = this.turn().then(() => {
      if (this.#stopping.signal.aborted) return
      const { random, setTimer } = this.#options
      this.#cancels = [setTimer(() => this.start(), this.#timing.retryMs * (0.9 + random() / 5))]
    })
  }

  /** One attempt to acquire or to renew. `start` makes one after the other. */
  async turn(): Promise<void> {
    const began = this.#options.now()
    const expiry = this.#watchExpiry()
    try {
      const holder = this.#options.mayLead?.() === false ? await this.#stoodBack() : await this.#attempt()
      if (this.#stopping.signal.aborted) return
      this.#failing = false
      if (holder === this.#options.identity) this.#hold(began)
      else this.#lose(holder)
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      this.#options.onEvent?.({ kind: 'failed', first: !this.#failing, error })
      this.#failing = true
      if (!this.leads) this.#lose('')
    } finally {
      expiry()
    }
  }

  /** Lets go at once, so that another need not wait. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const cancel of this.#cancels) cancel()
    await this.#turning
    if (this.#heldAt === undefined) return
    this.#heldAt = undefined
    await this.#release().catch((error: unknown) => this.#options.onEvent?.({ kind: 'failed', first: true, error }))
  }

  /** Ends leading on time while an attempt hangs. */
  #watchExpiry(): () => void {
    if (this.#heldAt === undefined) return () => undefined
    const leftMs = this.#heldAt + this.#timing.renewMs - this.#options.now()
    return this.#options.setTimer(() => this.#lose(''), Math.max(0, leftMs))
  }

  #hold(at: number): void {
    const isNew = this.#heldAt === undefined
    this.#heldAt = at
    if (!isNew) return
    this.#options.onEvent?.({ kind: 'acquired' })
    this.#options.onChange(true)
  }

  #lose(to: string): void {
    if (this.#heldAt === undefined) return
    this.#heldAt = undefined
    this.#options.onEvent?.({ kind: 'lost', to })
    this.#options.onChange(false)
  }

  async #stoodBack(): Promise<string> {
    if (this.#heldAt === undefined) return ''
    this.#lose('')
    await this.#release()
    return ''
  }

  /** Who holds the lease after this attempt. */
  async #attempt(): Promise<string> {
    const { client, identity, now, at } = this.#options
    const asking = { signal: this.#stopping.signal, timeoutMs: this.#timing.renewMs / 2 }
    const found = await client.get(RESOURCES.leases, at, asking).catch((error: unknown) => {
      if (meshError(error, 'ApiNotFound')) return undefined
      throw error
    })
    if (found === undefined) {
      return this.#unlessBeaten(client.create(RESOURCES.leases, this.#record(0, undefined), asking))
    }
    const spec = fieldsOf(found['spec'])
    const text = JSON.stringify(spec)
    if (this.#observed?.text !== text) this.#observed = { text, at: now() }
    const holder = textOf(spec['holderIdentity'])
    const seconds = spec['leaseDurationSeconds']
    const lifeMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : this.#timing.leaseMs
    if (holder !== '' && holder !== identity && now() < this.#observed.at + lifeMs) return holder
    const transitions = typeof spec['leaseTransitions'] === 'number' ? spec['leaseTransitions'] : 0
    const record = holder === identity ? this.#record(transitions, found) : this.#record(transitions + 1, found)
    return this.#unlessBeaten(client.replace(RESOURCES.leases, record, asking))
  }

  /** Somebody else wrote first: who, the next attempt will say. */
  async #unlessBeaten(write: Promise<Fields>): Promise<string> {
    try {
      return textOf(fieldsOf((await write)['spec'])['holderIdentity'])
    } catch (error) {
      // Our own renewal was not beaten by another holder's: then the record says so, and is read within the time we have.
      if (meshError(error, 'ApiConflict') && !this.leads) return ''
      throw error
    }
  }

  async #release(): Promise<void> {
    const { client, at, identity } = this.#options
    const asking = { timeoutMs: this.#timing.retryMs }
    const found = await client.get(RESOURCES.leases, at, asking)
    const spec = fieldsOf(found['spec'])
    if (textOf(spec['holderIdentity']) !== identity) return
    const record = { metadata: found['metadata'], spec: { ...spec, holderIdentity: '', leaseDurationSeconds: 1 } }
    await client.replace(RESOURCES.leases, record, asking)
  }

  #record(leaseTransitions: number, found: Fields | undefined): Fields {
    const { at, identity, clock } = this.#options
    const renewTime = microTime(clock())
    const spec = fieldsOf(found?.['spec'])
    const isOurs = textOf(spec['holderIdentity']) === identity
    return {
      metadata: found?.['metadata'] ?? at,
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#timing.leaseMs / 1000),
        acquireTime: isOurs ? spec['acquireTime'] : renewTime,
        renewTime,
        leaseTransitions,
      },
    }
  }
}

/** As `MicroTime` of Kubernetes is written. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z')
}

/** An authority and an issuer on a clock that tests move, with the tables and events they write. */
import { type IdentityCertificate, type SpiffeId, spiffeId, type TrustBundle } from '@smi-mesh/dataplane/mesh'
import { Authority } from '../authority.ts'
import type { IdentityEvent } from '../event.ts'
import { Issuer, type IssuerOptions } from '../issuer.ts'
import type { AuthorityStore, LeafStore } from '../store.ts'
import { FakeClock } from './fake-clock.ts'
import { MemoryAuthorityStore, MemoryLeafStore } from './memory-store.ts'

export const TRUST_DOMAIN = 'mesh.test'
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export function identityOf(serviceAccount: string, namespace = 'shop'): SpiffeId {
  return spiffeId(TRUST_DOMAIN, { namespace, serviceAccount })
}

export interface RigOptions extends Partial<Pick<IssuerOptions, 'bundleHeld' | 'dnsNames' | 'watchdogMs'>> {
  readonly clock?: FakeClock
  readonly authorityStore?: AuthorityStore
  readonly leafStore?: LeafStore
  readonly leafMs?: number
  readonly rootMs?: number
  readonly random?: () => number
}

export interface Rig {
  readonly clock: FakeClock
  readonly authority: Authority
  readonly issuer: Issuer
  readonly certificates: Map<SpiffeId, IdentityCertificate>
  readonly bundle: Map<'bundle', TrustBundle>
  readonly events: IdentityEvent[]
  /** Every write to either table, in order. */
  readonly written: (IdentityCertificate | TrustBundle)[]
}

export async function rig(options: RigOptions = {}): Promise<Rig> {
  const clock = options.clock ?? new FakeClock()
  const { leafMs = HOUR, rootMs = 365 * DAY } = options
  const store = options.authorityStore ?? new MemoryAuthorityStore()
  const authority = await Authority.open({ trustDomain: TRUST_DOMAIN, store, now: clock.now, leafMs, rootMs })
  const written: (IdentityCertificate | TrustBundle)[] = []
  const certificates = new Recorded<SpiffeId, IdentityCertificate>(written)
  const bundle = new Recorded<'bundle', TrustBundle>(written)
  const events: IdentityEvent[] = []
  const { bundleHeld, dnsNames, watchdogMs } = options
  const issuer = new Issuer({
    authority,
    certificates,
    bundle,
    now: clock.now,
    setTimer: clock.setTimer,
    random: options.random ?? (() => 0),
    onChange: () => {},
    onEvent: event => events.push(event),
    store: options.leafStore ?? new MemoryLeafStore(),
    ...(bundleHeld === undefined ? {} : { bundleHeld }),
    ...(dnsNames === undefined ? {} : { dnsNames }),
    ...(watchdogMs === undefined ? {} : { watchdogMs }),
  })
  issuer.start()
  return { clock, authority, issuer, certificates, bundle, events, written }
}

class Recorded<K, V> extends Map<K, V> {
  readonly #written: unknown[]

  constructor(written: unknown[]) {
    super()
    this.#written = written
  }

  override set(key: K, value: V): this {
    this.#written?.push(value)
    return super.set(key, value)
  }
}

/**
 * One replica in a cluster, wired: what is followed → control plane → proxies, with the lease, the statuses and those who ask
 * beside it. What is particular to a cluster and stands on its own (webhooks, trust in ConfigMaps) comes in as parts.
 */
import { type AdminProviders, startAdmin } from './admin/index.ts'
import { adminProviders, readingsOf } from './cli/admin-answers.ts'
import { type ClusterPlaneOptions, type Served, servePlane } from './cluster-plane.ts'
import type { ControlPlane } from './control-plane.ts'
import {
  type AuthorityOptions,
  type AuthorityStore,
  controlPlaneIdentity,
  type Issuer,
  openAuthority,
  type Signatory,
} from './identity/index.ts'
import type { KubernetesClient } from './kubernetes/index.ts'
import { Lease } from './leader/index.ts'
import { type Part, type PartContext, Parts } from './part.ts'
import { Readiness } from './readiness.ts'
import { coreKinds, type Followed, KubernetesSource, type ReflectorTiming } from './sources/index.ts'
import { SharedRefusals, type StatusFollower } from './status/index.ts'
import { type ClusterEvents, EventLoopDelay, type Metrics } from './telemetry/index.ts'

/** The ConfigMap in which replicas tell each other what their proxies refuse. */
const REFUSALS = 'smi-mesh-refusals'

export interface ClusterRuntimeOptions extends ClusterPlaneOptions {
  readonly client: KubernetesClient
  readonly kinds: readonly Followed[]
  readonly events: ClusterEvents
  /** Where the authority is kept. */
  readonly authorityStore: AuthorityStore
  /** By which the API server calls the webhooks: `smi-mesh.smi-mesh.svc`. */
  readonly webhookHost: string
  /** Begun in order. One that rejects with what may pass is begun anew, so it must leave nothing then. */
  readonly parts: readonly ((context: PartContext) => Promise<Part>)[]
  readonly timing?: Partial<ReflectorTiming>
}

export interface ClusterRuntime {
  readonly plane: ControlPlane
  readonly healthPort: number
  readonly adminPort: number
  readonly leads: () => boolean
  stop(): Promise<void>
}

/** Health is answered from the beginning; resolves once proxies are served. Where it rejects, all that it began has stopped. */
export async function startClusterRuntime(options: ClusterRuntimeOptions): Promise<ClusterRuntime> {
  const { config, metrics, log } = options
  const endings: (() => Promise<unknown> | undefined)[] = []
  const readiness = new Readiness({ ...options.nature, signal: options.signal, onEvent: options.events.wait })
  /** What was begun last ends first. What cannot end keeps nothing else from it, or the process would go on half ended. */
  const stop = async () => {
    readiness.stops()
    for (const end of endings.splice(0).reverse()) {
      try {
        await end()
      } catch (error) {
        log.error('mistake in ending', { error })
      }
    }
  }
  const onFailure = (path: string, error: unknown) => log.error('mistake in an answer', { where: path, error })
  try {
    const health = await startAdmin({
      address: config.health.host,
      port: config.health.port,
      audience: 'network',
      onFailure,
      providers: healthOf(metrics, () => readiness.unready()),
    })
    endings.push(() => health.stop())
    log.info('starting', { health: health.port, identity: config.identity })
    const { plane, authority, issuer, lease } = await begin(options, readiness, endings)
    const certificates = {
      authority,
      issuer,
      controlPlane: controlPlaneIdentity(config.mesh.trustDomain, config.namespace),
    }
    const providers = {
      ...adminProviders(plane, metrics, { ...certificates, clock: options.nature.clock }),
      unready: () => readiness.unready(),
    }
    const { host, port } = config.admin
    const admin = await startAdmin({ address: host, port, audience: 'loopback', onFailure, providers })
    endings.push(() => admin.stop())
    readiness.serves()
    return { plane, healthPort: health.port, adminPort: admin.port, leads: () => lease.leads, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Health and metrics alone: nothing else is reached from the network. */
function healthOf(metrics: Metrics, unready: () => readonly string[]): AdminProviders {
  const nothing = () => undefined
  return {
    unready,
    metrics: () => metrics.text(),
    mesh: nothing,
    findings: nothing,
    problems: nothing,
    proxies: nothing,
    counters: nothing,
    certificates: nothing,
    config: nothing,
  }
}

interface Begun {
  readonly plane: ControlPlane
  readonly authority: Signatory
  readonly issuer: Issuer
  readonly lease: Lease
}

/** What was begun, each with how it ends; what was begun last ends first. */
type Endings = (() => Promise<unknown> | undefined)[]

async function begin(options: ClusterRuntimeOptions, readiness: Readiness, endings: Endings): Promise<Begun> {
  const { statuses, metrics, nature } = options
  const parts = new Parts()
  const source = sourceOf(options)
  const isAsked = () => source.awaitsConversion(options.webhookHost)
  // Nobody is told anything by one that serves nobody, but for the API server, which must know by what roots to verify us.
  const lease = leaseOf(options, parts, () => parts.serving || isAsked())
  const authority = await openedAuthority(options, readiness, lease)
  readiness.ask(() => source.unready())
  readiness.ask(() => parts.unready())
  // The API server asks who is ready, and nobody would be. Where another replica is, this one does not lead.
  const isNeeded = () => lease.leads && isAsked() && parts.unready().length === 0
  readiness.needed(inTurns(isNeeded, nature.now))
  const begun: { served?: Served } = {}
  const shared = sharedRefusalsOf(options, lease, () => begun.served?.follower)
  endings.push(() => begun.served?.plane.stop()) // last of all
  endings.push(() => statuses.stop())
  const served = await servePlane(options, source, authority, {
    changed: () => parts.changed(),
    others: () => shared.others(),
    beforehand: (plane, issuer) =>
      beginAnswering(options, readiness, endings, { plane, issuer, authority, parts, lease }),
  })
  begun.served = served
  parts.serve()
  const { plane, issuer } = served
  const delay = new EventLoopDelay()
  delay.start()
  endings.push(async () => delay.stop())
  const cluster = () => ({ leads: lease.leads, pendingStatuses: statuses.pending, objects: source.sizes() })
  metrics.read({ ...readingsOf({ plane, issuer, authority, delay, clock: nature.clock }), cluster })
  shared.start()
  endings.push(() => shared.stop())
  endings.push(() => lease.stop()) // first of all: another replica writes while this one lets its proxies go
  return { plane, authority, issuer, lease }
}

interface Answering extends Pick<PartContext, 'plane' | 'issuer' | 'authority'> {
  readonly parts: Parts
  readonly lease: Lease
}

/** What the API server may have to ask before it can tell what it is asked: the parts, and the lease by which one replica writes. */
async function beginAnswering(
  { parts: starts, config, client, log, metrics, nature }: ClusterRuntimeOptions,
  readiness: Readiness,
  endings: Endings,
  { parts, lease, ...made }: Answering,
): Promise<void> {
  const asked = { leads: () => lease.leads, serves: () => parts.serving }
  const context: PartContext = { config, client, log, metrics, nature, ...made, ...asked }
  for (const start of starts) {
    const part = await readiness.until('what it needs to know of the cluster', () => start(context))
    parts.add(part)
    endings.push(() => part.stop())
  }
  lease.start()
  endings.push(() => lease.stop()) // should the rest not begin; the second time it is stopped, nothing is left to stop
}

function sharedRefusalsOf(
  { config, client, log, nature }: ClusterRuntimeOptions,
  lease: Lease,
  follower: () => StatusFollower | undefined,
): SharedRefusals {
  return new SharedRefusals({
    ...nature,
    client,
    at: { namespace: config.namespace, name: REFUSALS },
    identity: config.identity,
    own: () => follower()?.askAgain() ?? new Map(),
    leads: () => lease.leads,
    onChange: () => follower()?.othersRefusals(),
    onFailure: error => log.warn('refusals not shared', { error }),
  })
}

const TURN_MS = 60_000

/** A minute of two: whoever is needed in vain, for what is in the way is elsewhere, is to be seen as what it is, which is not ready. */
function inTurns(isNeeded: () => boolean, now: () => number): () => boolean {
  let since: number | undefined
  return () => {
    since = isNeeded() ? (since ?? now()) : undefined
    return since !== undefined && Math.floor((now() - since) / TURN_MS) % 2 === 0
  }
}

function leaseOf(
  { config, client, statuses, events, nature }: ClusterRuntimeOptions,
  parts: Parts,
  mayLead: () => boolean,
): Lease {
  const lease = new Lease({
    ...nature,
    client,
    at: { namespace: config.namespace, name: config.leaseName },
    identity: config.identity,
    mayLead,
    onChange: leads => {
      if (leads) statuses.lead(() => lease.leads)
      else statuses.follow()
      parts.lead(leads)
    },
    onEvent: events.lease,
  })
  return lease
}

function sourceOf({ client, kinds, nature, timing = {}, events }: ClusterRuntimeOptions): KubernetesSource {
  const { random, now } = nature
  return new KubernetesSource({
    ...{ client, random, now, timing },
    followed: [...coreKinds(), ...kinds],
    onEvent: events.reflector,
  })
}

/**
 * Whoever is first makes it, and whoever starts may find that a change is due; from then on it is changed by the replica that leads,
 * and the others take up what is written.
 */
async function openedAuthority(
  { config, authorityStore, nature }: ClusterRuntimeOptions,
  readiness: Readiness,
  lease: Lease,
): Promise<Signatory> {
  let isOpen = false
  const options: AuthorityOptions = {
    trustDomain: config.mesh.trustDomain,
    store: authorityStore,
    now: nature.clock,
    leafMs: config.certificateTtlMs,
    leads: () => !isOpen || lease.leads,
  }
  const authority = await readiness.until('the authority', () => openAuthority(options, config.authorityFiles))
  isOpen = true
  return authority
}

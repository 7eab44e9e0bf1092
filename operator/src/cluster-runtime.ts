/**
 * One replica in a cluster, wired: what is followed → control plane → proxies, with the lease, the statuses and those who ask
 * beside it. What is particular to a cluster and stands on its own (webhooks, trust in ConfigMaps) comes in as parts.
 */
import type { ServerCredentials } from '@grpc/grpc-js'
import type { MeshConfig, SpiffeId } from '@smi-mesh/dataplane/mesh'
import type { PeerProof } from '@smi-mesh/dataplane/xds'
import { type AdminProviders, startAdmin } from './admin/index.ts'
import { adminProviders, readingsOf } from './cli/admin-answers.ts'
import { addressText } from './cli/options.ts'
import type { OperatorConfig } from './config.ts'
import { type ControlPlane, type PreparedPlane, startControlPlane } from './control-plane.ts'
import {
  type AuthorityOptions,
  type AuthorityStore,
  controlPlaneIdentity,
  Issuer,
  noLeafStore,
  openAuthority,
  type Signatory,
} from './identity/index.ts'
import type { KubernetesClient } from './kubernetes/index.ts'
import { Lease } from './leader/index.ts'
import { type Nature, type Part, type PartContext, Parts } from './part.ts'
import { Readiness } from './readiness.ts'
import { coreKinds, type Followed, KubernetesSource, type ReflectorTiming } from './sources/index.ts'
import { type Refused, SharedRefusals, StatusFollower, type StatusWriter } from './status/index.ts'
import {
  type ClusterEvents,
  EventLoopDelay,
  type Log,
  type Metrics,
  reportIdentity,
  reportPipeline,
} from './telemetry/index.ts'

export type { Nature, Part, PartContext } from './part.ts'

/** The ConfigMap in which replicas tell each other what their proxies refuse. */
const REFUSALS = 'smi-mesh-refusals'

export interface ClusterRuntimeOptions {
  readonly config: OperatorConfig
  readonly client: KubernetesClient
  readonly kinds: readonly Followed[]
  readonly statuses: StatusWriter
  readonly log: Log
  readonly metrics: Metrics
  readonly events: ClusterEvents
  readonly nature: Nature
  /** Where the authority is kept. */
  readonly authorityStore: AuthorityStore
  /** How proxies prove who they are, and what the server shows them. */
  readonly admission: (mesh: MeshConfig) => Admission
  /** Begun in order. One that rejects with what may pass is begun anew, so it must leave nothing then. */
  readonly parts: readonly ((context: PartContext) => Promise<Part>)[]
  /** Names of DNS by which others than proxies call an identity. */
  readonly dnsNames?: (identity: SpiffeId) => readonly string[]
  readonly timing?: Partial<ReflectorTiming>
  /** Gives up what has not begun. */
  readonly signal: AbortSignal
}

export interface Admission {
  readonly proof: PeerProof
  readonly credentials: (issuer: Issuer) => ServerCredentials
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
  /** What was begun last ends first. */
  const stop = async () => {
    readiness.stops()
    for (const end of endings.splice(0).reverse()) await end()
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

async function begin(
  options: ClusterRuntimeOptions,
  readiness: Readiness,
  endings: (() => Promise<unknown> | undefined)[],
): Promise<Begun> {
  const { config, client, statuses, log, metrics, nature } = options
  const parts = new Parts()
  const lease = leaseOf(options, parts)
  const authority = await openedAuthority(options, readiness, lease)
  const source = sourceOf(options)
  readiness.ask(() => source.unready())
  readiness.ask(() => parts.unready())
  // The API server asks who is ready, and nobody would be. Where another replica is, this one does not lead.
  readiness.needed(() => lease.leads && source.awaitsConversion() && parts.unready().length === 0)
  const begun: { served?: Served } = {}
  const shared = new SharedRefusals({
    ...nature,
    client,
    at: { namespace: config.namespace, name: REFUSALS },
    identity: config.identity,
    own: () => begun.served?.follower.refused() ?? new Map(),
    leads: () => lease.leads,
    onChange: () => begun.served?.follower.othersRefusals(),
    onFailure: error => log.warn('refusals not shared', { error }),
  })
  endings.push(() => begun.served?.plane.stop()) // last of all
  endings.push(() => statuses.stop())
  const served = await serve(options, source, authority, {
    changed: () => parts.changed(),
    others: () => shared.others(),
    beforehand: async (plane, issuer) => {
      const context = { config, client, plane, authority, issuer, log, metrics, nature }
      const asked = { leads: () => lease.leads, serves: () => parts.serving }
      for (const start of options.parts) {
        const needed = 'what it needs to know of the cluster'
        const part = await readiness.until(needed, () => start({ ...context, ...asked }))
        parts.add(part)
        endings.push(() => part.stop())
      }
      lease.start()
      endings.push(() => lease.stop())
    },
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

function leaseOf({ config, client, statuses, events, nature }: ClusterRuntimeOptions, parts: Parts): Lease {
  const lease = new Lease({
    ...nature,
    client,
    at: { namespace: config.namespace, name: config.leaseName },
    identity: config.identity,
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

/** Whoever is first makes it; from then on it is changed by the replica that leads, and the others take up what is written. */
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

interface Served {
  readonly plane: ControlPlane
  readonly issuer: Issuer
  readonly follower: StatusFollower
}

interface Surroundings {
  readonly changed: () => void
  readonly beforehand: (plane: PreparedPlane, issuer: Issuer) => Promise<void>
  /** What proxies of other replicas refuse. */
  readonly others: () => Refused
}

async function serve(
  options: ClusterRuntimeOptions,
  source: KubernetesSource,
  authority: Signatory,
  { changed, others, beforehand }: Surroundings,
): Promise<Served> {
  const { config, statuses, log, metrics, nature } = options
  const { clock, now, random, setTimer } = nature
  const begun: { issuer?: Issuer; follower?: StatusFollower } = {}
  const issuerNow = (): Issuer => {
    if (begun.issuer === undefined) throw new Error('The issuer is asked before the control plane has made it.')
    return begun.issuer
  }
  const { proof, credentials } = options.admission(config.mesh)
  const pipeline = reportPipeline(log, metrics)
  const plane = await startControlPlane({
    source,
    config: config.mesh,
    xds: {
      address: addressText(config.xds),
      credentials: () => credentials(issuerNow()),
      trustPlaintext: false,
      proof,
    },
    identities: ({ certificates, bundle }, onChange, allHold) => {
      const issuer = new Issuer({
        authority,
        certificates,
        bundle,
        onChange: () => {
          onChange()
          changed()
        },
        onEvent: reportIdentity(log, metrics),
        now: clock,
        random,
        setTimer,
        store: noLeafStore(), // no key is ever written to a disk
        bundleHeld: allHold,
        ...(options.dnsNames === undefined ? {} : { dnsNames: options.dnsNames }),
      })
      begun.issuer = issuer
      return issuer
    },
    events: {
      ...pipeline,
      settled: (settled, committed, ms) => {
        pipeline.settled(settled, committed, ms)
        begun.follower?.settled(settled)
        changed()
      },
      rejected: (rejection, proxy) => {
        pipeline.rejected(rejection, proxy)
        setTimer(() => begun.follower?.refusals(), 0) // once it counts among the findings
      },
    },
    now,
    beforehand: async plane => {
      issuerNow().start()
      await beforehand(plane, issuerNow())
    },
    signal: options.signal,
  })
  const follower = new StatusFollower(plane, wanted => statuses.want(wanted), others)
  begun.follower = follower
  follower.all()
  return { plane, issuer: issuerNow(), follower }
}

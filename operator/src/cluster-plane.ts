/** The control plane of a replica in a cluster, with who signs for its proxies and what is to be said of its objects. */
import type { ServerCredentials } from '@grpc/grpc-js'
import { type MeshConfig, refText, type SpiffeId } from '@smi-mesh/dataplane/mesh'
import type { PeerProof } from '@smi-mesh/dataplane/xds'
import { addressText } from './cli/options.ts'
import type { OperatorConfig } from './config.ts'
import { type ControlPlane, type PreparedPlane, startControlPlane } from './control-plane.ts'
import { Issuer, type IssuerOptions, noLeafStore, type Signatory } from './identity/index.ts'
import type { Nature } from './part.ts'
import type { Source } from './sources/index.ts'
import { type Refused, StatusFollower, type StatusWriter } from './status/index.ts'
import { type Log, type Metrics, reportIdentity, reportPipeline } from './telemetry/index.ts'

export interface ClusterPlaneOptions {
  readonly config: OperatorConfig
  readonly statuses: StatusWriter
  readonly log: Log
  readonly metrics: Metrics
  readonly nature: Nature
  /** How proxies prove who they are, and what the server shows them. */
  readonly admission: (mesh: MeshConfig) => Admission
  /** Names of DNS by which others than proxies call an identity. */
  readonly dnsNames?: (identity: SpiffeId) => readonly string[]
  /** Gives up what has not begun. */
  readonly signal: AbortSignal
}

export interface Admission {
  readonly proof: PeerProof
  readonly credentials: (issuer: Issuer) => ServerCredentials
}

export interface Served {
  readonly plane: ControlPlane
  readonly issuer: Issuer
  readonly follower: StatusFollower
}

export interface Surroundings {
  readonly changed: () => void
  readonly beforehand: (plane: PreparedPlane, issuer: Issuer) => Promise<void>
  /** What proxies of other replicas refuse. */
  readonly others: () => Refused
}

/** Resolves once proxies are served. Where it rejects, the plane has stopped; what was begun beforehand has not. */
export async function servePlane(
  options: ClusterPlaneOptions,
  source: Source,
  authority: Signatory,
  { changed, others, beforehand }: Surroundings,
): Promise<Served> {
  const { config, statuses, log, metrics, nature } = options
  const { now, setTimer } = nature
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
    identities: (tables, onChange, bundleHeld) => {
      const told = () => {
        onChange()
        changed()
      }
      begun.issuer = issuerOf(options, { ...tables, authority, bundleHeld, onChange: told })
      return begun.issuer
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
  const follower = new StatusFollower(
    plane,
    wanted => statuses.want(wanted),
    others,
    ({ ref }, findings) => {
      for (const { reason, field, message } of findings)
        log.warn('finding', { object: refText(ref), reason, field, message })
    },
  )
  begun.follower = follower
  follower.all()
  return { plane, issuer: issuerNow(), follower }
}

function issuerOf(
  { log, metrics, nature, dnsNames }: ClusterPlaneOptions,
  made: Pick<IssuerOptions, 'authority' | 'certificates' | 'bundle' | 'bundleHeld' | 'onChange'>,
): Issuer {
  const { clock, random, setTimer } = nature
  return new Issuer({
    ...made,
    ...{ now: clock, random, setTimer },
    onEvent: reportIdentity(log, metrics),
    store: noLeafStore(), // no key is ever written to a disk
    ...(dnsNames === undefined ? {} : { dnsNames }),
  })
}

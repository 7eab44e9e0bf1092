/** A control plane with its identities and its admin side, as `serve` and `up` both run it. */
import { ServerCredentials } from '@grpc/grpc-js'
import type { MeshConfig, PodKey } from '@smi-mesh/dataplane/mesh'
import { type Admin, startAdmin } from '../admin/index.ts'
import { type ControlPlane, startControlPlane } from '../control-plane.ts'
import {
  CredentialFolders,
  controlPlaneIdentity,
  fileStores,
  Issuer,
  openAuthority,
  serverCredentials,
} from '../identity/index.ts'
import { setTimer } from '../real-timer.ts'
import type { Source } from '../sources/source.ts'
import { EventLoopDelay, Metrics } from '../telemetry/index.ts'
import { adminProviders, readingsOf } from './admin-answers.ts'
import { newsOf } from './findings-news.ts'
import { type Address, addressText, isLoopback } from './options.ts'
import type { Reports } from './reports.ts'
import { refuseTaken } from './taken-address.ts'
import type { World } from './world.ts'

export interface RuntimeOptions {
  readonly source: Source
  readonly config: MeshConfig
  readonly xds: Address
  readonly admin: Address
  readonly isInsecure: boolean
  /** Where the authority keeps its keys. */
  readonly stateDirectory: string
  readonly certificateTtlMs: number
  /** The folder of an authority that others keep; undefined for one of our own. */
  readonly authorityFiles: string | undefined
  /** Told what is new among findings. */
  readonly say: (line: string) => void
  readonly reports: (metrics: Metrics) => Reports
}

export interface MeshRuntime {
  readonly plane: ControlPlane
  readonly credentials: CredentialFolders
  readonly adminPort: number
  /** Tells of pods that appeared, changed or went, from now on. */
  followPods(follower: PodFollower): void
  stop(): Promise<void>
}

export type PodFollower = (pods: ReadonlySet<PodKey>) => void

/** Resolves once proxies are served. Where that cannot be, or the command is told to end first, nothing goes on. */
export async function runMesh(world: World, options: RuntimeOptions): Promise<MeshRuntime> {
  const { config, say } = options
  await refuseTaken(options.xds, '--xds-address')
  const stores = fileStores(options.stateDirectory)
  const authority = await openAuthority(
    {
      trustDomain: config.trustDomain,
      store: stores.authority,
      now: world.clock,
      leafMs: options.certificateTtlMs,
    },
    options.authorityFiles,
  )
  const begun: { issuer?: Issuer; plane?: ControlPlane } = {}
  const followers: PodFollower[] = []
  const issuerNow = (): Issuer => {
    if (begun.issuer === undefined) throw new Error('The issuer is asked before the control plane has made it.')
    return begun.issuer
  }
  const news = newsOf(say)
  const tell = (plane: ControlPlane) => news(plane.findings(), ref => plane.originOf(ref))
  const metrics = new Metrics()
  const { pipeline, identity, mistake } = options.reports(metrics)
  const plane = await startControlPlane({
    source: options.source,
    config,
    xds: {
      address: addressText(options.xds),
      // Asked once the control plane has made the issuer's tables, and with them the issuer.
      credentials: () =>
        options.isInsecure
          ? ServerCredentials.createInsecure()
          : serverCredentials(issuerNow(), controlPlaneIdentity(config.trustDomain)),
      trustPlaintext: options.isInsecure,
    },
    identities: (tables, onChange, bundleHeld) => {
      const told = { ...tables, onChange, bundleHeld, onEvent: identity }
      const chance = { now: world.clock, random: Math.random, setTimer }
      begun.issuer = new Issuer({ ...told, ...chance, authority, store: stores.leaves })
      return begun.issuer
    },
    events: {
      ...pipeline,
      settled: (settled, committed, ms) => {
        pipeline.settled?.(settled, committed, ms)
        if (begun.plane === undefined) return
        tell(begun.plane)
        for (const follow of followers) follow(settled.changed(begun.plane.mesh.pods))
      },
    },
    now: world.now,
    // A folder that cannot be read yet keeps a control plane waiting for as long as it likes.
    signal: world.ended,
  })
  begun.plane = plane
  tell(plane)
  const issuer = issuerNow()
  issuer.start()
  const credentials = new CredentialFolders({ source: issuer, setTimer, onEvent: identity })
  const delay = new EventLoopDelay()
  delay.start()
  metrics.read(readingsOf({ plane, issuer, authority, delay, clock: world.clock }))
  const stop = async (admin?: Admin) => {
    delay.stop()
    credentials.stop()
    await admin?.stop()
    await plane.stop()
  }
  try {
    const admin = await startAdmin({
      address: options.admin.host,
      port: options.admin.port,
      audience: isLoopback(options.admin) ? 'loopback' : 'network',
      providers: adminProviders(plane, metrics, {
        ...{ authority, issuer, clock: world.clock },
        controlPlane: controlPlaneIdentity(config.trustDomain),
      }),
      onFailure: mistake,
    })
    return {
      plane,
      credentials,
      adminPort: admin.port,
      followPods: follower => void followers.push(follower),
      stop: () => stop(admin),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

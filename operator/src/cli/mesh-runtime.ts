/** A control plane with its identities and its admin side, as `serve` and `up` both run it. */
import { ServerCredentials } from '@grpc/grpc-js'
import type { MeshConfig } from '@smi-mesh/dataplane/mesh'
import { type ControlPlane, startControlPlane } from '../control-plane.ts'
import {
  Authority,
  type CredentialEvent,
  CredentialFolders,
  controlPlaneIdentity,
  fileStores,
  type IdentityEvent,
  Issuer,
  type SetTimer,
  serverCredentials,
} from '../identity/index.ts'
import type { Source, SourceProblem } from '../sources/source.ts'
import { AdminServer } from './admin-server.ts'
import { newsOf } from './findings-news.ts'
import { problemText } from './objects.ts'
import { type Address, addressText } from './options.ts'
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
  readonly say: (line: string) => void
  /** Whether every revision is worth a line. */
  readonly logsRevisions: boolean
}

export interface MeshRuntime {
  readonly plane: ControlPlane
  readonly credentials: CredentialFolders
  readonly adminPort: number
  stop(): Promise<void>
}

export async function runMesh(world: World, options: RuntimeOptions): Promise<MeshRuntime> {
  const { config, say } = options
  const stores = fileStores(options.stateDirectory)
  const authority = await Authority.open({
    trustDomain: config.trustDomain,
    store: stores.authority,
    now: world.clock,
    leafMs: options.certificateTtlMs,
  })
  const begun: { issuer?: Issuer; plane?: ControlPlane } = {}
  const issuerNow = (): Issuer => {
    if (begun.issuer === undefined) throw new Error('The issuer is asked before the control plane has made it.')
    return begun.issuer
  }
  const news = newsOf(say)
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
    identities: ({ certificates, bundle }, onChange, allHold) => {
      const issuer = new Issuer({
        authority,
        certificates,
        bundle,
        onChange,
        onEvent: event => sayIdentity(say, event),
        now: world.clock,
        random: Math.random,
        setTimer,
        store: stores.leaves,
        bundleHeld: allHold,
      })
      begun.issuer = issuer
      return issuer
    },
    events: {
      settled: ({ revision }, { changed, bytes }, ms) => {
        if (options.logsRevisions) say(`revision=${revision} changed=${changed} bytes=${bytes} ms=${ms.toFixed(1)}`)
        if (begun.plane !== undefined) news(begun.plane.findings())
      },
      sourceProblems: problems => sayProblems(say, problems),
      refused: (reason, address) => say(`A proxy at ${address} was refused: ${reason}`),
      rejected: (rejection, proxy) =>
        say(`Proxy ${proxy.node.id} refused ${rejection.names.join(', ')}: ${rejection.message}`),
    },
    now: world.now,
  })
  begun.plane = plane
  news(plane.findings())
  const issuer = issuerNow()
  issuer.start()
  const credentials = new CredentialFolders({ source: issuer, setTimer, onEvent: event => sayCredentials(say, event) })
  const admin = new AdminServer(plane)
  const adminPort = await admin.listen(options.admin)
  return {
    plane,
    credentials,
    adminPort,
    stop: async () => {
      credentials.stop()
      await admin.stop()
      await plane.stop()
      await issuer.stop()
    },
  }
}

const setTimer: SetTimer = (callback, ms) => {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}

function sayProblems(say: (line: string) => void, problems: readonly SourceProblem[]): void {
  for (const problem of problems) say(`! ${problemText(problem)}`)
  if (problems.length === 0) say('All files can be read again.')
}

function sayIdentity(say: (line: string) => void, event: IdentityEvent): void {
  const line = identityLine(event)
  if (line !== undefined) say(line)
}

/** Issuing is silent while it works: what is said is what someone must look at, and that it is over. */
function identityLine(event: IdentityEvent): string | undefined {
  switch (event.kind) {
    case 'issueFailed':
    case 'storeFailed':
      return event.first ? `! ${event.error.message}` : undefined
    case 'issueRecovered':
      return `${event.identity} has a certificate again.`
    case 'storeRecovered':
      return `The state of ${event.what} can be written again.`
    case 'leafDiscarded':
      return `The stored certificate of ${event.what} is not used: ${event.reason}.`
    case 'clockStepped':
      return `The clock of this machine was set by ${Math.round(event.byMs / 1000)} s; certificates are looked at anew.`
    case 'issued':
    case 'rootsChanged':
      return undefined
  }
}

function sayCredentials(say: (line: string) => void, event: CredentialEvent): void {
  if (event.kind === 'credentialsRecovered') say(`The credentials in ${event.folder} can be written again.`)
  else if (event.first) say(`! ${event.error.message}`)
}

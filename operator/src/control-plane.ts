/**
 * The pipeline, wired: source → facts → mesh → Envoy resources → delta ADS, with identities and findings beside it.
 * Knows no Kubernetes API and no command line; `smictl serve`, `smictl up` and the tests are its callers.
 */
import type { ServerCredentials } from '@grpc/grpc-js'
import { Graph, type Settled } from '@smi-mesh/dataplane/derive'
import {
  type EnvoyResource,
  type IdentityCertificate,
  type Mesh,
  type MeshConfig,
  type ObjectRef,
  refText,
  type SpiffeId,
  type TrustBundle,
  type WorkloadKey,
} from '@smi-mesh/dataplane/mesh'
import { type Committed, type Serving, serve } from '@smi-mesh/dataplane/serve'
import type { PeerProof, ProxyState, XdsCounters, XdsEvents } from '@smi-mesh/dataplane/xds'
import { type CompiledMesh, compareFindings, compile, type Finding, proxyRejected } from './compile/index.ts'
import { FactTables, type ObjectChange, type Subject } from './facts/index.ts'
import { IdentityUsers } from './identity-users.ts'
import { Revisions } from './revisions.ts'
import { Origins } from './sources/origins.ts'
import type { Source, SourceObserver, SourceProblem } from './sources/source.ts'
import { trial } from './trial.ts'

/** Whoever makes certificates for identities; `operator/src/identity` in production. */
export interface Identities {
  /** Makes sure that a certificate of this identity is in the table. */
  ensure(identity: SpiffeId): void
  /** No proxy has this identity any more. */
  release(identity: SpiffeId): void
  /** Resolves once nothing is issued any more. May be called again. */
  stop(): Promise<void>
}

export interface ControlPlaneOptions {
  readonly source: Source
  readonly config: MeshConfig
  readonly xds: {
    readonly address: string
    /** Asked once, after the identities were made. */
    readonly credentials: () => ServerCredentials
    /** Believe the node id of a proxy that comes without TLS. */
    readonly trustPlaintext: boolean
    /** By their connection's certificate unless said otherwise. */
    readonly proof?: PeerProof
  }
  /** Given the tables to fill and what to call after filling them, starts issuing. */
  readonly identities: (tables: IdentityTables, changed: () => void, allHold: AllHold) => Identities
  readonly events?: Partial<ControlPlaneEvents & XdsEvents>
  /** Least time between two revisions while changes keep coming, in milliseconds. The first change never waits. */
  readonly holdoffMs?: number
  readonly now?: () => number
  /** Called before the source is read: for those whose answers the reading may need. What it rejects with, the start does. */
  readonly beforehand?: (plane: PreparedPlane) => Promise<void>
  /** Gives up what has not begun to serve. Afterwards, `stop` is what ends it. */
  readonly signal?: AbortSignal
}

/** Whether every connected proxy has acknowledged all there is, the trust bundle included. */
export type AllHold = () => boolean

export interface IdentityTables {
  readonly certificates: { set(key: SpiffeId, value: IdentityCertificate): void; delete(key: SpiffeId): void }
  readonly bundle: { set(key: 'bundle', value: TrustBundle): void }
}

export interface ControlPlaneEvents {
  /** After every revision. */
  readonly settled: (settled: Settled, committed: Committed, ms: number) => void
  readonly sourceProblems: (problems: readonly SourceProblem[]) => void
}

export interface ControlPlane extends PreparedPlane {
  readonly xdsPort: number
}

/** All of it but the port: what it says is of what has been read so far. */
export interface PreparedPlane {
  readonly mesh: Mesh
  /** The objects that can be spoken about. */
  subjects(): readonly Subject[]
  /** All that is to be said about the user's objects now, sorted by object. */
  findings(): readonly Finding[]
  /** Objects, by the text of their reference, of which something else may be to be said since the revision before. */
  concerned(settled: Settled): ReadonlySet<string>
  /** One object that can be spoken about, and what compiling has to say about it; undefined where it is gone. */
  spoken(key: string): { readonly subject: Subject; readonly findings: readonly Finding[] } | undefined
  /** What proxies refuse now, by the text of the objects it was made from. Asks every stream. */
  refused(): ReadonlyMap<string, readonly Finding[]>
  /** What would be said of an object if it were so. Nothing comes of it: no proxy hears, no status changes. */
  whatIf(change: ObjectChange): readonly Finding[]
  sourceProblems(): readonly SourceProblem[]
  /** The namespaces whose pods are given proxies, and those where a pod has one all the same, sorted. */
  proxied(): readonly string[]
  /** Whether a namespace takes pods that should have a proxy and cannot have one. */
  uninjected(namespace: string): 'deny' | 'allow' | 'unknown'
  /** Where a person would edit an object: `shop.yaml:12`; undefined of what is in no source. */
  originOf(ref: ObjectRef): string | undefined
  proxies(): readonly ProxyState[]
  counters(): XdsCounters
  /** What a workload's proxies should hold. */
  held(workload: WorkloadKey): readonly EnvoyResource[]
  stop(): Promise<void>
}

/** Resolves once the source has been read and proxies are served. Where it rejects, all that it started has stopped. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const wired = wire(options)
  const xdsPort = await begin(options, wired).catch(async (error: unknown) => {
    await wired.prepared.stop()
    throw error
  })
  return { ...wired.prepared, xdsPort }
}

interface Wired {
  readonly prepared: PreparedPlane
  readonly observer: SourceObserver
  /** Resolves once the source has told all that there is. */
  readonly synced: Promise<void>
  readonly revisions: Revisions
  readonly serving: Serving
}

/** All of it, and nothing begun. */
function wire(options: ControlPlaneOptions): Wired {
  const { source, config, events = {} } = options
  const graph = new Graph()
  const facts = new FactTables(graph, config)
  const proxied = namespacesWithProxies(graph, facts)
  const compiled = compile(graph, facts, config)
  const secrets = secretTables(graph)
  const users = new IdentityUsers(
    proxy => compiled.mesh.workloads.get(proxy.scope)?.identity,
    identity => identities.release(identity),
  )
  const serving = serve({
    ...events,
    graph,
    mesh: compiled.mesh,
    secrets,
    uids: graph.view('podUids', facts.pods, ({ uid }) => uid || undefined),
    identify: identity => {
      identities.ensure(identity)
      revisions.now() // the stream that asked is answered in this very revision
    },
    trustPlaintext: options.xds.trustPlaintext,
    ...(options.xds.proof === undefined ? {} : { proof: options.xds.proof }),
    connected: proxy => {
      users.add(proxy)
      events.connected?.(proxy)
    },
    disconnected: (proxy, reason) => {
      users.remove(proxy)
      events.disconnected?.(proxy, reason)
    },
  })
  const revisions = new Revisions(graph, serving, { ...options, ...events })
  const identities = options.identities(
    secrets,
    () => revisions.soon(),
    () => serving.proxies().every(proxy => !proxy.lagging),
  )
  const heard = hear(facts, revisions, events)
  const prepared: PreparedPlane = {
    mesh: compiled.mesh,
    ...sayings(facts, compiled, serving),
    whatIf: change => {
      revisions.pending() // what has come before belongs to the world as it is
      return trial(change, graph, facts, compiled.findings)
    },
    sourceProblems: heard.problems,
    proxied,
    uninjected: namespace => facts.namespaces.get(namespace)?.uninjected ?? 'unknown',
    originOf: heard.originOf,
    stop: async () => {
      revisions.stop()
      await source.stop()
      await serving.stop()
      await identities.stop()
    },
  }
  return { prepared, observer: heard.observer, synced: heard.synced, revisions, serving }
}

/** Resolves with the port that proxies are served on. */
async function begin(options: ControlPlaneOptions, wired: Wired): Promise<number> {
  const { source, xds, signal, beforehand } = options
  const { prepared, observer, synced, revisions, serving } = wired
  await beforehand?.(prepared)
  await unlessAborted(
    source.start(observer).then(() => synced),
    signal,
  )
  revisions.start()
  const port = await serving.listen(xds.address, xds.credentials())
  signal?.throwIfAborted()
  return port
}

interface Heard extends Pick<PreparedPlane, 'originOf'> {
  readonly observer: SourceObserver
  readonly synced: Promise<void>
  readonly problems: PreparedPlane['sourceProblems']
}

/** What the source tells, and what is kept of it beside the facts. */
function hear(facts: FactTables, revisions: Revisions, events: Partial<ControlPlaneEvents>): Heard {
  let problems: readonly SourceProblem[] = []
  const origins = new Origins()
  const synced = Promise.withResolvers<void>()
  const observer: SourceObserver = {
    changes: batch => {
      origins.change(batch)
      facts.apply(batch)
      revisions.soon()
    },
    moved: objects => origins.move(objects),
    problems: current => {
      problems = current
      events.sourceProblems?.(current)
    },
    synced: () => synced.resolve(),
  }
  return { observer, synced: synced.promise, problems: () => problems, originOf: ref => origins.of(ref) }
}

/** Namespaces that have joined, and those of pods that have a proxy. */
function namespacesWithProxies(graph: Graph, facts: FactTables): () => readonly string[] {
  const joined = graph.index('namespaces.joined', facts.namespaces, (one, name) => (one.joined ? [name] : []))
  // A pod may ask for itself, and has its proxy still when its namespace has left.
  const withProxies = graph.index('namespaces.proxied', facts.pods, ({ meshed, ref }) =>
    meshed ? [ref.namespace] : [],
  )
  return () => [...new Set([...joined.keys(), ...withProxies.keys()])].sort()
}

type Sayings = Pick<
  ControlPlane,
  'subjects' | 'findings' | 'concerned' | 'spoken' | 'refused' | 'proxies' | 'counters' | 'held'
>

/** What there is to say of the user's objects, and of which; and of proxies. */
function sayings(facts: FactTables, compiled: CompiledMesh, serving: Serving): Sayings {
  return {
    subjects: () => [...facts.subjects.entries()].map(([, subject]) => subject),
    findings: () => allFindings(compiled, serving),
    concerned: settled => settled.changed(facts.subjects).union(settled.changed(compiled.findings)),
    spoken: key => {
      const subject = facts.subjects.get(key)
      return subject === undefined ? undefined : { subject, findings: compiled.findings.get(key) ?? [] }
    },
    proxies: () => serving.proxies(),
    counters: () => serving.counters(),
    held: workload => serving.held(workload),
    refused: () => Map.groupBy(rejectionsOf(serving), ({ about }) => refText(about)),
  }
}

function allFindings(compiled: CompiledMesh, serving: Serving): readonly Finding[] {
  return [...compiled.findings.entries()]
    .flatMap(([, found]) => found)
    .concat(rejectionsOf(serving))
    .sort(compareFindings)
}

function rejectionsOf(serving: Serving): readonly Finding[] {
  return serving.rejections().flatMap(one => one.from.map(about => proxyRejected(about, one)))
}

/** As the work ends, or rejected as soon as the signal is. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal?.reason)
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort)
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

function secretTables(graph: Graph) {
  return {
    certificates: graph.source<SpiffeId, IdentityCertificate>('certificates', sameCertificate),
    bundle: graph.source<'bundle', TrustBundle>('bundle'),
  }
}

function sameCertificate(a: IdentityCertificate, b: IdentityCertificate): boolean {
  return a.chain === b.chain
}

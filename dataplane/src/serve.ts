/**
 * Where the two halves of the data plane meet: what `envoy/` says a proxy should hold, `xds/` gives to it.
 * Knows no Kubernetes; the mesh and the secrets come from whoever calls.
 */
import type { ServerCredentials } from '@grpc/grpc-js'
import type { Graph, Settled, Table } from './derive/index.ts'
import { deriveResources, type ResourceOptions, type SecretTables, scopedResources } from './envoy/index.ts'
import {
  type EnvoyResource,
  type Mesh,
  type PodKey,
  podOfNodeId,
  type SpiffeId,
  type WorkloadKey,
} from './mesh/index.ts'
import {
  type Admission,
  Catalog,
  type NodeInfo,
  type Peer,
  type PeerProof,
  type ProxyState,
  type Rejection,
  type XdsCounters,
  type XdsEvents,
  XdsServer,
} from './xds/index.ts'

export interface ServeOptions extends Partial<XdsEvents> {
  readonly graph: Graph
  readonly mesh: Mesh
  readonly secrets: SecretTables
  readonly resources?: ResourceOptions
  /** Called for the first proxy of an identity and every later one: the moment to issue its certificate. */
  readonly identify: (identity: SpiffeId) => void
  /** Whether proxies may come without TLS and be believed. Only ever on loopback, and only when the user asked for it. */
  readonly trustPlaintext: boolean
  /** The UID of the pod that bears a name now. Where pods are proved by tokens, none is let in without. */
  readonly uids?: Table<PodKey, string>
  /** How proxies prove whose they are; by their connection's certificate unless said otherwise. */
  readonly proof?: PeerProof
}

/** What one settled revision cost: resources encoded anew, and the bytes of those. */
export interface Committed {
  readonly changed: number
  readonly bytes: number
}

export interface Serving {
  /** Publishes what a settled graph changed. */
  commit(settled: Settled): Committed
  listen(address: string, credentials: ServerCredentials): Promise<number>
  proxies(): readonly ProxyState[]
  /** What connected proxies refuse of what is current. */
  rejections(): readonly Rejection[]
  counters(): XdsCounters
  /** All a proxy of this workload should hold. */
  held(workload: WorkloadKey): readonly EnvoyResource[]
  stop(): Promise<void>
}

export function serve(options: ServeOptions): Serving {
  const { graph, mesh, secrets, resources, identify: _identify, trustPlaintext: _trust, uids, ...rest } = options
  const derived = deriveResources(graph, mesh, secrets, resources)
  const catalog = new Catalog()
  const server = new XdsServer({ ...rest, catalog, admit: admission(options) })
  const published = new Map<string, EnvoyResource>()

  function commit(settled: Settled): Committed {
    const put: EnvoyResource[] = []
    const remove: EnvoyResource[] = []
    for (const table of derived.tables) {
      for (const key of settled.changed(table)) {
        const before = published.get(key)
        const after = table.get(key)
        if (before !== undefined && after === undefined) remove.push(before)
        if (after === undefined) published.delete(key)
        else put.push(after)
        if (after !== undefined) published.set(key, after)
      }
    }
    const scopes = [...settled.changed(derived.scopes)].map(key => [key, derived.scopes.get(key)] as const)
    if (put.length + remove.length + scopes.length > 0) catalog.commit({ put, remove, scopes })
    for (const pod of settled.changed(mesh.pods)) server.reassign(pod)
    if (uids !== undefined) for (const pod of settled.changed(uids)) server.reassign(pod)
    server.push()
    return { changed: put.length + remove.length, bytes: put.reduce((sum, resource) => sum + resource.value.length, 0) }
  }

  return {
    commit,
    held: workload => scopedResources(derived, workload),
    listen: (address, credentials) => server.listen(address, credentials),
    proxies: () => server.proxies(),
    rejections: () => server.rejections(),
    counters: () => server.counters(),
    stop: () => server.stop(),
  }
}

/** A proxy gets the configuration of the pod it names, if it has proved to be of that pod. */
function admission({ mesh, identify, trustPlaintext, uids }: ServeOptions) {
  return (peer: Peer, node: NodeInfo): Admission => {
    const pod: PodKey | undefined = podOfNodeId(node.id)
    if (pod === undefined) return refused(`node.id "${node.id}" is not of the form <pod>.<namespace>.`)
    const scope = mesh.pods.get(pod)
    const workload = scope === undefined ? undefined : mesh.workloads.get(scope)
    if (workload === undefined) return refused(`Pod ${pod} is not in the mesh.`)
    const known = { pod, identity: workload.identity, uid: uids?.get(pod) }
    const objection = objectionTo(peer, known, trustPlaintext)
    if (objection !== undefined) return refused(objection)
    identify(workload.identity)
    return { kind: 'admitted', scope: workload.key, pod }
  }
}

/** The pod that is named, as it is known now. */
interface KnownPod {
  readonly pod: PodKey
  readonly identity: SpiffeId
  readonly uid: string | undefined
}

function objectionTo(peer: Peer, known: KnownPod, trustPlaintext: boolean): string | undefined {
  const { pod, identity, uid } = known
  switch (peer.kind) {
    case 'plaintext':
      return trustPlaintext ? undefined : `A stream without TLS proves nothing of pod ${pod}.`
    case 'certificate':
      if (peer.identity === identity) return undefined
      return `The certificate presented does not prove the identity of pod ${pod}, ${identity}.`
    case 'token':
      if (peer.pod === pod && peer.identity === identity) return peer.uid === uid ? undefined : anotherPod(peer, known)
      return `The token presented is of pod ${peer.pod} and ${peer.identity}; it does not prove pod ${pod}, ${identity}.`
  }
}

/** An earlier pod of that name, or one so new that it is not known yet: whoever comes again then is let in. */
function anotherPod({ uid: proved }: Extract<Peer, { kind: 'token' }>, { pod, uid }: KnownPod): string {
  const known = uid === undefined ? 'of which no UID is known here' : `which has the UID ${uid} now`
  return `The token presented is of a pod with the UID ${proved}; it does not prove pod ${pod}, ${known}.`
}

function refused(reason: string): Admission {
  return { kind: 'refused', reason }
}

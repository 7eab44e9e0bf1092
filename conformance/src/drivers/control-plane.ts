/** The product's control plane around a set of plain objects that can be exchanged at any time. Nothing is read from disk. */
import { Graph } from '@smi-mesh/dataplane/derive'
import { bootstrap } from '@smi-mesh/dataplane/envoy'
import {
  DEFAULT_MESH_CONFIG,
  type IdentityCertificate,
  type SpiffeId,
  spiffeId,
  type TrustBundle,
} from '@smi-mesh/dataplane/mesh'
import { type Serving, serve } from '@smi-mesh/dataplane/serve'
import { compile } from '@smi-mesh/operator/compile'
import { FactTables } from '@smi-mesh/operator/facts'
import {
  Authority,
  type AuthorityStore,
  CredentialFolders,
  controlPlaneIdentity,
  Issuer,
  serverCredentials,
} from '@smi-mesh/operator/identity'
import type { ObjectName } from '../case.ts'
import type { Condition } from '../condition.ts'
import { distortion, type Fault } from '../faults.ts'
import type { RawObject, WorldConfig } from '../world.ts'
import type { CastMember } from '../worlds/cast.ts'
import { conditionsOfObject } from './object-conditions.ts'
import { difference } from './objects.ts'

export interface ControlPlane {
  /** Puts other objects in the place of those before. */
  replace(objects: readonly RawObject[]): void
  /** Resolves once every one of so many proxies holds all that is current; rejects where one refuses something, or lags. */
  inForce(proxies: number): Promise<void>
  /** What the proxy of a pod is started with; `folder` is for its credentials alone. */
  bootstrapOf(member: Pick<CastMember, 'pod' | 'account'>, folder: string, adminSocket: string): unknown
  /** What the status of an object would say. */
  conditionsOf(name: ObjectName): readonly Condition[]
  /** Makes the mesh wrong on purpose, from the next objects on; undefined makes it right again. */
  spoil(fault: Fault | undefined): void
  stop(): Promise<void>
}

const PATIENCE_MS = 15_000
const ADDRESS = '127.0.0.1'

/** `accessLog`: of requests that `audit` would have refused, or of all. */
export async function startControlPlane(
  config: WorldConfig,
  { accessLog = 'audit' }: { readonly accessLog?: 'audit' | 'all' } = {},
): Promise<ControlPlane> {
  const graph = new Graph()
  const facts = new FactTables(graph, config)
  const compiled = compile(graph, facts, { ...DEFAULT_MESH_CONFIG, ...config })
  const { mesh, set: spoil } = distortion(graph, compiled.mesh)
  const secrets = {
    certificates: graph.source<SpiffeId, IdentityCertificate>('certificates', (a, b) => a.chain === b.chain),
    bundle: graph.source<'bundle', TrustBundle>('bundle'),
  }
  const waiting = new Set<() => void>()
  const look = () =>
    setImmediate(() => {
      for (const check of [...waiting]) check()
    })
  const identities = await startIdentities(config.trustDomain, secrets, () => settle())
  const turnedAway: string[] = []
  const serving = serve({
    ...{ graph, mesh, secrets, trustPlaintext: false, resources: { accessLog } },
    identify: identity => {
      identities.issuer.ensure(identity)
    },
    acked: look,
    rejected: look,
    connected: look,
    refused: reason => {
      turnedAway.push(reason)
      look()
    },
  })
  function settle(): void {
    const settled = graph.settle()
    const [failure] = settled.failures
    if (failure !== undefined) throw new Error(`${failure.table} threw.`, { cause: failure.error })
    serving.commit(settled)
  }
  settle()
  const server = controlPlaneIdentity(config.trustDomain)
  const port = await serving.listen(`${ADDRESS}:0`, serverCredentials(identities.issuer, server))
  let held: readonly RawObject[] = []
  return {
    replace: objects => {
      facts.apply(difference(held, objects))
      held = objects
      settle()
    },
    inForce: proxies => until(() => standing(serving, turnedAway, proxies), waiting),
    bootstrapOf: ({ pod, account }, folder, adminSocket) => {
      const identity = spiffeId(config.trustDomain, { namespace: pod.namespace, serviceAccount: account })
      const files = identities.credentials.keep(folder, identity)
      return bootstrap({
        nodeId: `${pod.name}.${pod.namespace}`,
        nodeCluster: pod.name,
        admin: { kind: 'socket', path: adminSocket },
        xds: { address: ADDRESS, port, security: { kind: 'mtls', files, server } },
      })
    },
    conditionsOf: name => conditionsOfObject(compiled.findings, facts.subjects, name),
    spoil,
    stop: async () => {
      identities.credentials.stop()
      await identities.issuer.stop()
      await serving.stop()
    },
  }
}

/** `wrong` is final; `pending` says who is waited for. */
type Standing = { readonly kind: 'in force' } | { readonly kind: 'pending' | 'wrong'; readonly why: string }

/** A refusal is final: a proxy says so again of every version it does not like. */
function standing(serving: Serving, turnedAway: readonly string[], proxies: number): Standing {
  const [refusal] = [...turnedAway, ...serving.rejections().map(rejection => JSON.stringify(rejection))]
  if (refusal !== undefined) return { kind: 'wrong', why: refusal }
  const states = serving.proxies()
  const behind = states.filter(proxy => proxy.types.length === 0 || proxy.lagging)
  if (states.length === proxies && behind.length === 0) return { kind: 'in force' }
  const names = behind.map(
    ({ node, types }) => `${node.id} ${types.filter(type => type.lagging).map(type => type.type)}`,
  )
  return { kind: 'pending', why: `${states.length} of ${proxies} are connected; behind: ${names.join(', ')}` }
}

function until(look: () => Standing, waiting: Set<() => void>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const check = (late: boolean) => {
    const now = look()
    if (now.kind === 'pending' && !late) return
    waiting.delete(checkNow)
    clearTimeout(deadline)
    if (now.kind === 'in force') resolve()
    else reject(new Error(`The proxies did not take over a world: ${now.why}`))
  }
  const checkNow = () => check(false)
  const deadline = setTimeout(() => check(true), PATIENCE_MS)
  waiting.add(checkNow)
  checkNow()
  return promise
}

interface Secrets {
  readonly certificates: { set(key: SpiffeId, value: IdentityCertificate): void; delete(key: SpiffeId): void }
  readonly bundle: { set(key: 'bundle', value: TrustBundle): void }
}

async function startIdentities(trustDomain: string, secrets: Secrets, onChange: () => void) {
  const authority = await Authority.open({ trustDomain, store: inMemory(), now: Date.now })
  let started = false
  const issuer = new Issuer({
    ...secrets,
    authority,
    onChange: () => started && onChange(),
    onEvent: () => undefined,
    now: Date.now,
    random: Math.random,
    setTimer,
  })
  started = true
  return { issuer, credentials: new CredentialFolders({ source: issuer, setTimer, onEvent: () => undefined }) }
}

function setTimer(callback: () => void, ms: number): () => void {
  const timer = setTimeout(callback, ms).unref()
  return () => clearTimeout(timer)
}

/** An authority that lives as long as the process. */
function inMemory(): AuthorityStore {
  let state: Awaited<ReturnType<AuthorityStore['load']>>
  return {
    load: async () => state,
    create: async first => {
      state = first
      return true
    },
    replace: async next => {
      state = next
    },
  }
}

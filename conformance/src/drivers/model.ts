/** Asks the product's own model: the objects compiled into a mesh, and `decide` on it. No proxy is involved. */
import { Graph } from '@smi-mesh/dataplane/derive'
import {
  DEFAULT_MESH_CONFIG,
  type Destination,
  decide,
  type Endpoint,
  type Mesh,
  type MeshRequest,
  type Verdict as MeshVerdict,
  parseServiceKey,
  parseServicePortKey,
  podKey,
  type ServicePortKey,
  serviceKey,
  servicePortKey,
  workloadPortKey,
} from '@smi-mesh/dataplane/mesh'
import { compile } from '@smi-mesh/operator/compile'
import { FactTables } from '@smi-mesh/operator/facts'
import type { Answer, BackendAnswer, Call, Caller, Name, Request, Target, Verdict, World } from '../world.ts'
import { headersByName } from './headers-by-name.ts'
import { objectChanges } from './objects.ts'

/** The mesh that a world compiles to. */
export function meshOf({ config, objects }: World): Mesh {
  const graph = new Graph()
  const facts = new FactTables(graph, config)
  const { mesh } = compile(graph, facts, { ...DEFAULT_MESH_CONFIG, ...config })
  facts.apply(objectChanges(objects))
  const { failures } = graph.settle()
  const [failure] = failures
  if (failure !== undefined) throw new Error(`${failure.table} ${String(failure.key)} threw.`, { cause: failure.error })
  return mesh
}

/** What the model answers; undefined where it knows no such destination. */
export function askModel(mesh: Mesh, { caller, target, call }: Request): Answer | undefined {
  const destination = destinationOf(mesh, target)
  if (destination === undefined) return undefined
  const decision = decide(mesh, { source: sourceOf(mesh, caller), destination, call: callOf(call) })
  switch (decision.kind) {
    case 'unknown':
      return decision.reason === 'bad-path' ? { kind: 'malformed' } : undefined
    case 'refused':
      return { kind: 'refused', reason: 'no-weight' }
    case 'judged': {
      const pod = target.kind === 'pod' ? target.pod : { namespace: '', name: '' }
      return {
        kind: 'routed',
        backends: [{ service: pod, share: 1, pods: [{ pod, verdict: verdictOf(decision.verdict) }] }],
      }
    }
    case 'routed':
      return {
        kind: 'routed',
        backends: decision.backends.map(({ backend, share, servers }) => {
          const verdicts = new Map<string, Verdict>(servers.map(server => [server.workload, verdictOf(server.verdict)]))
          return { service: nameOfPort(backend), share, pods: podsBehind(mesh, backend, verdicts) }
        }),
      }
  }
}

function verdictOf({ kind, allowed }: MeshVerdict): Verdict {
  if (kind === 'escaped-slash') return 'finds malformed'
  return allowed ? 'allows' : 'denies'
}

function nameOfPort(port: ServicePortKey): Name {
  return parseServiceKey(parseServicePortKey(port).service)
}

/** The model answers for workloads, of which pods are copies; an oracle speaks of pods. */
function podsBehind(
  mesh: Mesh,
  backend: ServicePortKey,
  verdicts: ReadonlyMap<string, Verdict>,
): BackendAnswer['pods'] {
  const { namespace } = nameOfPort(backend)
  const workloadOf = ({ peer, pod }: Endpoint) =>
    peer.kind === 'plain' ? '' : (mesh.pods.get(podKey(namespace, pod)) ?? '')
  return (mesh.endpoints.get(backend)?.endpoints ?? []).map(endpoint => ({
    pod: { namespace, name: endpoint.pod },
    verdict: verdicts.get(workloadOf(endpoint)) ?? 'denies',
  }))
}

function destinationOf(mesh: Mesh, target: Target): Destination | undefined {
  if (target.kind === 'service') {
    const key = serviceKey(target.service.namespace, target.service.name)
    return { kind: 'service', service: servicePortKey(key, target.port) }
  }
  const workload = mesh.pods.get(podKey(target.pod.namespace, target.pod.name))
  return workload === undefined ? undefined : { kind: 'workload', port: workloadPortKey(workload, target.port) }
}

function sourceOf(mesh: Mesh, caller: Caller): MeshRequest['source'] {
  if (caller.kind === 'stranger') return 'unidentified'
  const workload = mesh.pods.get(podKey(caller.pod.namespace, caller.pod.name))
  return workload === undefined ? 'unidentified' : (mesh.workloads.get(workload)?.identity ?? 'unidentified')
}

function callOf(call: Call): MeshRequest['call'] {
  if (call.kind === 'tcp') return call
  return { ...call, headers: headersByName(call) }
}

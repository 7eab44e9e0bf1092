/** The suite's fastest driver: the product's own model, asked by `decide`. No proxy, no API server. */
import { Graph } from '@smi-mesh/dataplane/derive'
import {
  DEFAULT_MESH_CONFIG,
  decide,
  type Endpoint,
  type Mesh,
  type Call as MeshCall,
  parseServiceKey,
  parseServicePortKey,
  podKey,
  type ServicePortKey,
  serviceKey,
  servicePortKey,
  type Verdict,
  workloadPortKey,
} from '@smi-mesh/dataplane/mesh'
import { compile } from '@smi-mesh/operator/compile'
import { FactTables } from '@smi-mesh/operator/facts'
import type { Case, Scene, When } from '../case.ts'
import { distortion, type Fault } from '../faults.ts'
import type { CallOutcome, Driver, Seen, Stage } from '../suite/driver.ts'
import type { RawObject } from '../world.ts'
import { FaultyWorld } from './faulty-world.ts'
import { headersByName } from './headers-by-name.ts'
import { readIn, refusalOf } from './library.ts'
import { conditionsOfObject } from './object-conditions.ts'
import { difference } from './objects.ts'
import { scenePods } from './scene-world.ts'

/** What has no answer without an API server and proxies. */
export const MODEL_LACKS: Driver['lacks'] = new Map([
  ['kubernetes-api', 'there is no API server'],
  ['metrics', 'there is no API server that could be asked for metrics.smi-spec.io'],
  ['udp', 'the mesh does not carry UDP'],
])

/** The model; with a fault, the model of a mesh that is wrong. */
export function modelDriver(fault?: Fault): Driver {
  return { name: 'model', lacks: MODEL_LACKS, enter: async scene => stageOf(scene, fault), stop: async () => undefined }
}

function stageOf(scene: Scene, fault: Fault | undefined): Stage {
  const graph = new Graph()
  const facts = new FactTables(graph, DEFAULT_MESH_CONFIG)
  const compiled = compile(graph, facts, DEFAULT_MESH_CONFIG)
  const distorted = distortion(graph, compiled.mesh)
  const seenBy = new FaultyWorld(scene)
  seenBy.fault = fault
  distorted.set(fault)
  let held: readonly RawObject[] = []
  const take = (objects: readonly RawObject[]) => {
    facts.apply(difference(held, objects))
    held = objects
    const [failure] = graph.settle().failures
    if (failure !== undefined) throw new Error(`${failure.table} threw.`, { cause: failure.error })
  }
  return {
    begin: async (_one: Case, access) => take(seenBy.begin(access)),
    change: async change => take(seenBy.change(change)),
    call: async when => predict(distorted.mesh, scene, when),
    conditionsOf: async name => conditionsOfObject(compiled.findings, facts.subjects, name),
    refusalOf: async object => refusalOf(object),
    read: async (name, version) => readIn(seenBy.world.applied(), name, version),
    get: async path => {
      throw new Error(`There is no API server to answer ${path}.`)
    },
    stop: async () => undefined,
  }
}

function predict(mesh: Mesh, scene: Scene, { from, to, call }: When): Seen {
  const pods = scenePods(scene)
  const workloadKeyOf = (name: string) => {
    const pod = pods.find(({ workload }) => workload === name)?.pod
    return pod === undefined ? undefined : mesh.pods.get(podKey(pod.namespace, pod.name))
  }
  const caller = workloadKeyOf(from)
  const source = (caller === undefined ? undefined : mesh.workloads.get(caller)?.identity) ?? 'unidentified'
  const asked = meshCall(call)
  const http = asked.kind === 'http'
  const nobody: CallOutcome = http ? { kind: 'status', status: 503 } : { kind: 'closed' }
  const one = (outcome: CallOutcome): Seen => ({ kind: 'predicted', outcomes: [{ outcome, part: 1 }] })
  if (to.kind === 'pod') {
    const key = workloadKeyOf(to.workload)
    if (key === undefined) return one({ kind: 'answered', workload: to.workload }) // nobody is there to ask
    const decision = decide(mesh, {
      source,
      call: asked,
      destination: { kind: 'workload', port: workloadPortKey(key, to.port) },
    })
    return one(
      decision.kind === 'judged' ? outcomeOf(decision.verdict, to.workload, to.port, http) : nothing(decision.kind),
    )
  }
  const service = servicePortKey(serviceKey(to.namespace, to.name), to.port)
  const decision = decide(mesh, { source, call: asked, destination: { kind: 'service', service } })
  if (decision.kind === 'refused') return one(nobody)
  if (decision.kind === 'unknown' && decision.reason === 'bad-path') return one({ kind: 'status', status: 400 })
  if (decision.kind !== 'routed') return one(nothing(decision.kind))
  const outcomes = decision.backends.flatMap(({ backend, share, servers }) => {
    const endpoints = mesh.endpoints.get(backend)?.endpoints ?? []
    if (endpoints.length === 0) return [{ outcome: nobody, part: share }]
    const verdicts = new Map<string, Verdict>(servers.map(server => [server.workload, server.verdict]))
    return endpoints.map(endpoint => {
      const verdict = verdicts.get(workloadAt(mesh, backend, endpoint)) ?? { kind: 'no-port', allowed: false }
      const { workload = endpoint.pod } = pods.find(({ pod }) => pod.name === endpoint.pod) ?? {}
      return { outcome: outcomeOf(verdict, workload, endpoint.port, http), part: share / endpoints.length }
    })
  })
  return { kind: 'predicted', outcomes }
}

function nothing(kind: string): CallOutcome {
  return { kind: 'unexpected', what: `not known to the model (${kind})` }
}

function workloadAt(mesh: Mesh, backend: ServicePortKey, { peer, pod }: Endpoint): string {
  const { namespace } = parseServiceKey(parseServicePortKey(backend).service)
  return peer.kind === 'plain' ? '' : (mesh.pods.get(podKey(namespace, pod)) ?? '')
}

function outcomeOf(verdict: Verdict, workload: string, port: number, http: boolean): CallOutcome {
  if (verdict.allowed) return { kind: 'answered', workload, port }
  if (!http) return { kind: 'closed' }
  return { kind: 'status', status: verdict.kind === 'escaped-slash' ? 400 : 403, reason: verdict.kind }
}

function meshCall(call: When['call']): MeshCall {
  switch (call.kind) {
    case 'http':
      return { ...call, headers: headersByName(call) }
    case 'grpc':
      return { kind: 'http', method: 'POST', path: call.path, headers: { 'content-type': 'application/grpc' } }
    case 'tcp':
      return { kind: 'tcp' }
    case 'udp':
      throw new Error('The model knows no UDP.')
  }
}

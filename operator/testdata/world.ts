/** A mesh compiled from YAML, for tests: the production tables, filled at once, and what may be asked of them. */
import { readFileSync } from 'node:fs'
import { Graph, type Settled } from '@smi-mesh/dataplane/derive'
import {
  type Call,
  DEFAULT_MESH_CONFIG,
  type Decision,
  decide,
  type Mesh,
  type MeshConfig,
  type ObjectRef,
  serviceKey,
  servicePortKey,
  spiffeId,
} from '@smi-mesh/dataplane/mesh'
import { parseAllDocuments } from 'yaml'
import { type CompiledMesh, compile } from '../src/compile/index.ts'
import { FactTables, type ObjectChange } from '../src/facts/index.ts'
import { objectRef } from '../src/object-ref.ts'

/** A Kubernetes object as one would write it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [more: string]: unknown }
  readonly [more: string]: unknown
}

const CLUSTER_SCOPED: ReadonlySet<string> = new Set(['Namespace', 'Node'])

/** What an object is called; namespaced objects without a namespace are in `default`. */
export function refOf({ apiVersion, kind, metadata }: Manifest): ObjectRef {
  const namespace = CLUSTER_SCOPED.has(kind) ? '' : (metadata.namespace ?? 'default')
  return objectRef(apiVersion, kind, namespace, metadata.name)
}

/** The objects of a YAML text; the empty documents in it are none. */
export function manifests(yaml: string): readonly Manifest[] {
  return parseAllDocuments(yaml).flatMap(document => {
    const object: unknown = document.toJS()
    return isManifest(object) ? [object] : []
  })
}

function isManifest(object: unknown): object is Manifest {
  return typeof object === 'object' && object !== null && 'kind' in object && 'metadata' in object
}

/** The scenery all cases share; see scene.yaml. */
export const SCENE: readonly Manifest[] = manifests(readFileSync(new URL('scene.yaml', import.meta.url), 'utf8'))

/** A mesh that objects can be put into and taken out of. */
export class World {
  readonly graph = new Graph()
  readonly facts: FactTables
  readonly mesh: Mesh
  readonly findings: CompiledMesh['findings']

  constructor(config: Partial<MeshConfig> = {}) {
    const whole = { ...DEFAULT_MESH_CONFIG, ...config }
    this.facts = new FactTables(this.graph, whole)
    const compiled = compile(this.graph, this.facts, whole)
    this.mesh = compiled.mesh
    this.findings = compiled.findings
  }

  /** Takes changes in without settling. */
  change(changes: readonly ObjectChange[]): void {
    this.facts.apply(changes)
  }

  /** Creates or replaces objects, and settles. */
  put(...objects: readonly Manifest[]): Settled {
    this.change(objects.map(object => ({ ref: refOf(object), object })))
    return this.settle()
  }

  /** Deletes objects, and settles. */
  remove(...objects: readonly Manifest[]): Settled {
    this.change(objects.map(object => ({ ref: refOf(object), object: undefined })))
    return this.settle()
  }

  settle(): Settled {
    const settled = this.graph.settle()
    const [failure] = settled.failures
    if (failure !== undefined)
      throw new Error(`${failure.table} threw at ${String(failure.key)}`, { cause: failure.error })
    return settled
  }

  /** The reasons found about an object, e.g. `reasons('TrafficSplit shop/canary')`. */
  reasons(object: string): readonly string[] {
    return (this.findings.get(object) ?? []).map(({ reason }) => reason)
  }

  /** What becomes of a call by a ServiceAccount (`namespace/name`, or nobody known) to a Service port (`namespace/name:port`). */
  ask(source: string | undefined, to: string, call: Partial<Extract<Call, { kind: 'http' }>> | 'tcp' = {}): Decision {
    const [account = '', port = ''] = to.split(':')
    const [namespace = '', name = ''] = account.split('/')
    const [from = '', serviceAccount = ''] = source?.split('/') ?? []
    return decide(this.mesh, {
      source:
        source === undefined
          ? 'unidentified'
          : spiffeId(this.mesh.config.trustDomain, { namespace: from, serviceAccount }),
      destination: { kind: 'service', service: servicePortKey(serviceKey(namespace, name), Number(port)) },
      call: call === 'tcp' ? { kind: 'tcp' } : { kind: 'http', method: 'GET', path: '/', headers: {}, ...call },
    })
  }

  /** Whether such a call is let in wherever it may be sent. */
  allows(source: string | undefined, to: string, call?: Parameters<World['ask']>[2]): boolean {
    const decision = this.ask(source, to, call)
    return decision.kind === 'routed' && decision.backends.every(({ allowed }) => allowed === 'yes')
  }

  /** Where such a call is sent, as shares by Service: `{ 'shop/web-v1:80': 0.9 }`; the status where it is refused. */
  shares(to: string, call?: Parameters<World['ask']>[2]): Readonly<Record<string, number>> | number | string {
    const decision = this.ask('shop/client', to, call)
    if (decision.kind === 'refused') return decision.status
    if (decision.kind !== 'routed') return decision.kind
    return Object.fromEntries(decision.backends.map(({ backend, share }) => [backend, share]))
  }

  /** Every table as plain data, sorted: two worlds are the same if this is. */
  dump(): Readonly<Record<string, unknown>> {
    const { config: _config, ...tables } = this.mesh
    const all = { ...tables, findings: this.findings }
    return Object.fromEntries(Object.entries(all).map(([name, table]) => [name, sorted<unknown>(table.entries())]))
  }
}

function sorted<V>(entries: Iterable<readonly [string, V]>): readonly (readonly [string, V])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The scene and what a case adds to it. */
export function world(yaml: string, config: Partial<MeshConfig> = {}): World {
  const made = new World(config)
  made.put(...SCENE, ...manifests(yaml))
  return made
}

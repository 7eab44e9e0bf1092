/**
 * The tables that everything is derived from. Writing an object whose facts are unchanged changes nothing, so most of what a
 * cluster does stops here. Knows which kinds matter; where objects come from is the sources' business.
 */
import type { Graph, Source } from '@smi-mesh/dataplane/derive'
import {
  type MeshConfig,
  type ObjectRef,
  type PodKey,
  podKey,
  refText,
  type ServiceKey,
  serviceKey,
} from '@smi-mesh/dataplane/mesh'
import { isSmi, KINDS } from '@smi-mesh/smi-crds'
import { type Finding, orderly } from '../compile/finding.ts'
import { endpointSliceFacts } from './endpoint-slice.ts'
import type {
  EndpointSliceFacts,
  HttpRouteGroupFacts,
  IdentityBindingFacts,
  NamespaceFacts,
  PodFacts,
  PortRouteFacts,
  ServiceAccountFacts,
  ServiceFacts,
  Subject,
  TrafficSplitFacts,
  TrafficTargetFacts,
} from './facts.ts'
import { namespaceFacts } from './namespace.ts'
import { podFacts } from './pod.ts'
import { fieldsOf, textOf } from './read.ts'
import type { Reduce } from './reduced.ts'
import { serviceFacts } from './service.ts'
import { serviceAccountFacts } from './service-account.ts'
import {
  httpRouteGroupFacts,
  identityBindingFacts,
  tcpRouteFacts,
  trafficSplitFacts,
  trafficTargetFacts,
  udpRouteFacts,
  unknownKind,
} from './smi.ts'

/** One object that appeared or changed; undefined where it is gone. `ref.namespace` is empty for what has none. */
export interface ObjectChange {
  readonly ref: ObjectRef
  readonly object: unknown | undefined
}

/** The key of whatever is told apart by namespace and name alone: `namespace/name`. */
export type NameKey = string

export function nameKey(namespace: string, name: string): NameKey {
  return `${namespace}/${name}`
}

const SMI_KINDS: ReadonlySet<string> = new Set(KINDS.map(({ kind }) => kind))

/** The kinds of objects that sources have to bring. All others are ignored, silently unless they claim to be of SMI. */
export const FACT_KINDS: readonly string[] = [
  ...SMI_KINDS,
  ...['EndpointSlice', 'Namespace', 'Pod', 'Service', 'ServiceAccount'],
].sort()

interface Taken {
  readonly rejected: boolean
  readonly findings: readonly Finding[]
}

/** Takes one object into a table and says what is to be said about it. */
interface Intake {
  readonly take: (ref: ObjectRef, object: unknown) => Taken
  readonly forget: (ref: ObjectRef) => void
  /** How to bring back what is known of an object now. */
  readonly remember: (ref: ObjectRef) => () => void
}

/** The choices of the mesh that change what is read from objects. */
type FactsConfig = Pick<MeshConfig, 'clusterDomain'> & Partial<Pick<MeshConfig, 'proxied' | 'openServiceMeshLabels'>>

export class FactTables {
  readonly namespaces: Source<string, NamespaceFacts>
  readonly serviceAccounts: Source<NameKey, ServiceAccountFacts>
  readonly services: Source<ServiceKey, ServiceFacts>
  readonly pods: Source<PodKey, PodFacts>
  readonly endpointSlices: Source<NameKey, EndpointSliceFacts>
  readonly trafficSplits: Source<NameKey, TrafficSplitFacts>
  readonly trafficTargets: Source<NameKey, TrafficTargetFacts>
  readonly httpRouteGroups: Source<NameKey, HttpRouteGroupFacts>
  readonly tcpRoutes: Source<NameKey, PortRouteFacts>
  readonly udpRoutes: Source<NameKey, PortRouteFacts>
  readonly identityBindings: Source<NameKey, IdentityBindingFacts>
  /** The objects that can be spoken about, by the text of their reference. */
  readonly subjects: Source<string, Subject>
  /** What was found while reading objects, by the text of their reference. */
  readonly problems: Source<string, readonly Finding[]>
  readonly #intakes: ReadonlyMap<string, Intake>

  constructor(graph: Graph, config: FactsConfig) {
    this.namespaces = graph.source('facts.namespaces')
    this.serviceAccounts = graph.source('facts.serviceAccounts')
    this.services = graph.source('facts.services')
    this.pods = graph.source('facts.pods')
    this.endpointSlices = graph.source('facts.endpointSlices')
    this.trafficSplits = graph.source('facts.trafficSplits')
    this.trafficTargets = graph.source('facts.trafficTargets')
    this.httpRouteGroups = graph.source('facts.httpRouteGroups')
    this.tcpRoutes = graph.source('facts.tcpRoutes')
    this.udpRoutes = graph.source('facts.udpRoutes')
    this.identityBindings = graph.source('facts.identityBindings')
    this.subjects = graph.source('facts.subjects')
    this.problems = graph.source('facts.problems')
    const splitFacts: Reduce<TrafficSplitFacts> = (ref, object) => trafficSplitFacts(ref, object, config.clusterDomain)
    const byName = ({ namespace, name }: ObjectRef) => nameKey(namespace, name)
    this.#intakes = new Map([
      [
        'Namespace',
        intake(
          this.namespaces,
          ref => ref.name,
          (ref, object) => namespaceFacts(ref, object, config.openServiceMeshLabels),
        ),
      ],
      ['ServiceAccount', intake(this.serviceAccounts, byName, serviceAccountFacts)],
      ['Service', intake(this.services, ref => serviceKey(ref.namespace, ref.name), serviceFacts)],
      [
        'Pod',
        intake(
          this.pods,
          ref => podKey(ref.namespace, ref.name),
          (ref, object) => podFacts(ref, object, config.proxied),
        ),
      ],
      ['EndpointSlice', intake(this.endpointSlices, byName, endpointSliceFacts)],
      ['TrafficSplit', intake(this.trafficSplits, byName, splitFacts)],
      ['TrafficTarget', intake(this.trafficTargets, byName, trafficTargetFacts)],
      ['HTTPRouteGroup', intake(this.httpRouteGroups, byName, httpRouteGroupFacts)],
      ['TCPRoute', intake(this.tcpRoutes, byName, tcpRouteFacts)],
      ['UDPRoute', intake(this.udpRoutes, byName, udpRouteFacts)],
      ['IdentityBinding', intake(this.identityBindings, byName, identityBindingFacts)],
    ])
  }

  /** Takes a batch in; the caller settles the graph when it likes. Returns what is to be said about the objects of the batch. */
  apply(changes: readonly ObjectChange[]): readonly Finding[] {
    return changes.flatMap(({ ref, object }) => (object === undefined ? this.#forget(ref) : this.#take(ref, object)))
  }

  /** Call before changing an object by `apply`: the answer undoes that. */
  remember(ref: ObjectRef): () => void {
    const key = refText(ref)
    const intake = this.#intakeOf(ref)?.remember(ref)
    const before = [remembered(this.problems, key), remembered(this.subjects, key)]
    return () => {
      intake?.()
      for (const putBack of before) putBack()
    }
  }

  #take(ref: ObjectRef, object: unknown): readonly Finding[] {
    const apiVersion = textOf(fieldsOf(object)['apiVersion'])
    const intake = this.#intakeOf(ref)
    const smi = isSmi(object)
    if (intake === undefined && !smi) return []
    const { rejected, findings } = intake?.take(ref, object) ?? unknown(ref, object)
    const key = refText(ref)
    if (findings.length > 0) this.problems.set(key, findings)
    else this.problems.delete(key)
    if (smi || SPOKEN_ABOUT.has(ref.kind) || findings.length > 0) {
      this.subjects.set(key, {
        ref,
        apiVersion,
        generation: generationOf(object),
        smi: intake !== undefined && SMI_KINDS.has(ref.kind),
        rejected,
      })
    } else this.subjects.delete(key)
    return findings
  }

  #forget(ref: ObjectRef): readonly Finding[] {
    this.#intakeOf(ref)?.forget(ref)
    this.problems.delete(refText(ref))
    this.subjects.delete(refText(ref))
    return []
  }

  /** A knative Service is no Service of ours: it neither becomes facts nor takes any away. */
  #intakeOf({ group, kind }: ObjectRef): Intake | undefined {
    return group === undefined ? this.#intakes.get(kind) : undefined
  }
}

/** Kinds beside SMI's about which compiling has something to say. */
const SPOKEN_ABOUT: ReadonlySet<string> = new Set(['Service', 'Namespace'])

function intake<K, T>(table: Source<K, T>, keyOf: (ref: ObjectRef) => K, reduce: Reduce<T>): Intake {
  return {
    take: (ref, object) => {
      const result = reduce(ref, object)
      if (result.kind === 'facts') table.set(keyOf(ref), result.facts)
      if (result.kind === 'none') table.delete(keyOf(ref))
      return { rejected: result.kind === 'rejected', findings: result.kind === 'none' ? [] : orderly(result.findings) }
    },
    forget: ref => table.delete(keyOf(ref)),
    remember: ref => remembered(table, keyOf(ref)),
  }
}

function remembered<K, T>(table: Source<K, T>, key: K): () => void {
  const value = table.get(key)
  return () => (value === undefined ? table.delete(key) : table.set(key, value))
}

function unknown(ref: ObjectRef, object: unknown): Taken {
  return { rejected: true, findings: [unknownKind(ref, object)] }
}

function generationOf(object: unknown): number {
  const generation = fieldsOf(fieldsOf(object)['metadata'])['generation']
  return typeof generation === 'number' ? generation : 0
}

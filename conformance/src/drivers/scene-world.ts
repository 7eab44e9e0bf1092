/**
 * A scene as plain objects, and what a case does to them: for drivers that have no API server. Each pod is processes of this
 * machine on a loopback subnet of its own.
 */

import { nameOfRaw, sameObject } from '../case/objects.ts'
import type { Access, Scene, Workload } from '../case.ts'
import { nameOf } from '../oracle/read.ts'
import type { WorldChange } from '../suite/driver.ts'
import type { Name, RawObject } from '../world.ts'
import { accountObject, namespaceObject, podObject } from '../worlds/objects.ts'
import { CONTAINER_PORTS } from './application-ports.ts'

export interface ScenePod {
  readonly pod: Name
  readonly account: string
  readonly workload: string
  readonly subnet: number
  readonly meshed: boolean
}

/** Not used by any other test. */
const FIRST_SUBNET = 100

/** The pods of a scene; the first replica bears the workload's name. */
export function scenePods({ workloads }: Scene): readonly ScenePod[] {
  const pods = workloads.flatMap(workload => replicas(workload))
  return pods.map((pod, at) => ({ ...pod, subnet: FIRST_SUBNET + at }))
}

function replicas({ name, namespace, account, replicas, meshed }: Workload) {
  return Array.from({ length: replicas }, (_, at) => ({
    ...{ account, meshed, workload: name },
    pod: { namespace, name: at === 0 ? name : `${name}-${at + 1}` },
  }))
}

/** The address of a Service of the scene or of a case, as pods reach it: the same for the same name. */
export class ClusterIps {
  readonly #numbers = new Map<string, number>()

  of({ namespace, name }: Name): string {
    const key = `${namespace}/${name}`
    const number = this.#numbers.get(key) ?? this.#numbers.size + 1
    this.#numbers.set(key, number)
    return `127.0.89.${number}`
  }
}

export class SceneWorld {
  readonly ips = new ClusterIps()
  readonly #scene: Scene
  readonly #pods: readonly ScenePod[]
  #access: Access
  #applied: readonly RawObject[] = []
  #scale: Readonly<Record<string, number>> = {}

  constructor(scene: Scene) {
    this.#scene = scene
    this.#pods = scenePods(scene)
    this.#access = scene.access
  }

  begin(access: Access): void {
    this.#access = access
    this.#applied = []
    this.#scale = {}
  }

  change({ apply, delete: gone, scale }: WorldChange): void {
    const replaced = [...gone, ...apply.map(nameOfRaw)]
    const kept = this.#applied.filter(object => !replaced.some(name => sameObject(name, nameOfRaw(object))))
    this.#applied = [...kept, ...apply]
    this.#scale = { ...this.#scale, ...scale }
  }

  applied(): readonly RawObject[] {
    return this.#applied
  }

  objects(): readonly RawObject[] {
    const { namespaces, services } = this.#scene
    const { mode, unidentified } = this.#access
    const modes = { 'smi-mesh.dev/access': mode, 'smi-mesh.dev/unidentified': unidentified }
    const accounts = new Map(this.#pods.map(({ pod, account }) => [`${pod.namespace}/${account}`, { pod, account }]))
    const own = services.filter(one => !this.#applied.some(other => sameObject(nameOfRaw(one), nameOfRaw(other))))
    return [
      ...namespaces.map(name => namespaceObject(name, modes)),
      ...[...accounts.values()].map(({ pod, account }) => accountObject({ namespace: pod.namespace, name: account })),
      ...this.#pods.map(pod => this.#pod(pod)),
      ...[...own, ...this.#applied].map(object => this.#addressed(object)),
    ]
  }

  #pod({ pod, workload, account, subnet, meshed }: ScenePod): RawObject {
    const { labels = {} } = this.#scene.workloads.find(({ name }) => name === workload) ?? {}
    const index = this.#pods.filter(other => other.workload === workload).findIndex(other => other.pod === pod)
    const ready = index < (this.#scale[workload] ?? Number.POSITIVE_INFINITY)
    return podObject(pod, { account, subnet, labels, ready, meshed, ports: CONTAINER_PORTS })
  }

  /** A Service of a manifest has no address until somebody gives it one. */
  #addressed(object: RawObject): RawObject {
    if (object['kind'] !== 'Service') return object
    return { ...object, spec: { ...Object(object['spec']), clusterIP: this.ips.of(nameOf(object)) } }
  }
}

/**
 * The suite against a real cluster and whatever mesh runs in it: objects go through its API server, calls are made from inside
 * its pods. All it needs is a kubeconfig and a description of the mesh.
 */

import { isDeepStrictEqual } from 'node:util'
import { nameOfRaw, sameObject } from '../../case/objects.ts'
import { versionsOf } from '../../case/read.ts'
import type { Access, Case, Scene, When } from '../../case.ts'
import { fields, list, text } from '../../oracle/read.ts'
import type { CallOutcome, Driver, Seen, Stage, WorldChange } from '../../suite/driver.ts'
import type { RawObject } from '../../world.ts'
import { isReady, type Kubectl, type Kubernetes, kubectlOf, kubernetes } from './kubernetes.ts'
import { CONTAINER, namespaceManifests, sceneManifests } from './manifests.ts'
import type { MeshOptions } from './mesh.ts'
import { type NamespaceNames, namespaceNames } from './namespaces.ts'

export interface ClusterOptions {
  readonly kubeconfig?: string | undefined
  /** Instead of the kubectl on the search path. */
  readonly kubectl?: Kubectl
}

export function clusterDriver(mesh: MeshOptions, { kubeconfig, kubectl }: ClusterOptions): Driver {
  const api = kubernetes(kubectl ?? kubectlOf(kubeconfig))
  return {
    name: mesh.name,
    lacks: mesh.lacks,
    scenesAtOnce: SCENES_AT_ONCE,
    cannotTake: one => unserved(mesh, one),
    enter: async scene => {
      const stage = new ClusterStage(api, mesh, scene)
      try {
        await stage.setUp()
      } catch (error) {
        await stage.stop()
        throw error
      }
      return stage
    },
    stop: async () => undefined,
  }
}

function unserved({ name, versions }: MeshOptions, one: Case): string | undefined {
  const lacking = versionsOf(one).find(written => {
    const [kind = '', version = ''] = written.split(' ')
    return versions.get(kind)?.includes(version) === false
  })
  return lacking === undefined ? undefined : `${name} does not serve ${lacking}`
}

/** Pods that have to start, with a sidecar that has to be configured. */
const START_MS = 180_000
const LOOK_MS = 250
/** Each has namespaces of its own. More would only wait for each other's processors. */
const SCENES_AT_ONCE = 4

class ClusterStage implements Stage {
  readonly patienceMs: number
  readonly #api: Kubernetes
  readonly #mesh: MeshOptions
  readonly #scene: Scene
  readonly #names: NamespaceNames
  #applied: readonly RawObject[] = []
  #scaled = new Set<string>()
  /** By workload, as long as nobody scales it: asking who is ready takes as long as a call. */
  readonly #pods = new Map<string, RawObject>()
  #marked: Access | undefined
  #changedAt = 0
  #case = ''

  constructor(api: Kubernetes, mesh: MeshOptions, scene: Scene) {
    this.#api = api
    this.#mesh = mesh
    this.#scene = scene
    this.#names = namespaceNames(scene.group, scene.namespaces)
    this.patienceMs = mesh.patienceMs
  }

  async setUp(): Promise<void> {
    await this.#mark(this.#scene.access)
    await this.#api.apply(this.#names.place(sceneManifests(this.#scene, this.#mesh)))
    for (const { name, replicas } of this.#scene.workloads) await this.#until(name, replicas)
  }

  async begin(one: Case, access: Access): Promise<void> {
    this.#case = one.id
    const own = this.#applied.filter(object => !this.#isOfScene(object))
    const changed = this.#applied.filter(object => this.#isOfScene(object))
    this.#applied = []
    const back = this.#scene.workloads.filter(({ name }) => this.#scaled.has(name))
    this.#scaled = new Set()
    await Promise.all([
      this.#api.delete(own.map(object => nameOfRaw(this.#names.place(object)))),
      this.#api.apply(changed.length === 0 ? [] : this.#names.place(this.#scene.services)),
      this.#scale(Object.fromEntries(back.map(({ name, replicas }) => [name, replicas]))),
      this.#mark(access),
    ])
    this.#changedAt = performance.now()
  }

  async change({ apply, delete: gone, scale }: WorldChange): Promise<void> {
    await this.#api.delete(gone.map(name => ({ ...name, namespace: this.#names.of(name.namespace) })))
    await this.#api.offer(this.#names.place(apply))
    const replaced = [...gone, ...apply.map(nameOfRaw)]
    const kept = this.#applied.filter(object => !replaced.some(name => sameObject(name, nameOfRaw(object))))
    this.#applied = [...kept, ...apply]
    for (const name of Object.keys(scale)) this.#scaled.add(name)
    await this.#scale(scale)
    this.#changedAt = performance.now()
  }

  async call(when: When): Promise<Seen> {
    const caller = this.#workload(when.from)
    const pod = await this.#readyPod(when.from)
    await this.#settled()
    const command = ['node', '/app/app.ts', 'ask', JSON.stringify(await this.#question(when))]
    const { name } = nameOfRaw(pod)
    const said = await this.#api.exec(this.#names.of(caller.namespace), name, CONTAINER, command)
    const { outcomes, connections } = { outcomes: {}, connections: 0, ...fields(JSON.parse(said)) }
    return {
      kind: 'counted',
      outcomes: Object.entries(fields(outcomes)).map(([seen, part]) => ({
        outcome: outcomeOf(seen),
        part: Number(part),
      })),
      connections: Number(connections),
    }
  }

  async conditionsOf(name: Parameters<Stage['conditionsOf']>[0]) {
    await this.#settled()
    const object = await this.#api.read({ ...name, namespace: this.#names.of(name.namespace) })
    return list(fields(fields(object)['status'])['conditions'])
      .map(fields)
      .map(({ type, status, reason }) => ({ type: text(type), status: text(status), reason: text(reason) }))
  }

  refusalOf(object: RawObject): Promise<string | undefined> {
    return this.#api.refusalOf(this.#names.place(object))
  }

  async read(name: Parameters<Stage['read']>[0], version: string): Promise<RawObject | undefined> {
    const found = await this.#api.read({ ...name, namespace: this.#names.of(name.namespace) }, version)
    return this.#names.back(found)
  }

  async get(path: string): Promise<unknown> {
    await this.#settled()
    return this.#names.back(await this.#api.get(this.#names.place(path)))
  }

  async stop(): Promise<void> {
    const namespaces = this.#scene.namespaces.map(name => ({
      kind: 'Namespace',
      namespace: '',
      name: this.#names.of(name),
    }))
    await this.#api.delete(namespaces)
  }

  #workload(name: string) {
    const found = this.#scene.workloads.find(workload => workload.name === name)
    if (found === undefined) throw new Error(`The scene ${this.#scene.group} has no workload ${name}.`)
    return found
  }

  #isOfScene(object: RawObject): boolean {
    return this.#scene.services.some(service => sameObject(nameOfRaw(service), nameOfRaw(object)))
  }

  async #mark(access: Access): Promise<void> {
    if (isDeepStrictEqual(access, this.#marked)) return
    await this.#api.apply(this.#names.place(namespaceManifests(this.#scene, access, this.#mesh)))
    this.#marked = access
  }

  async #scale(scale: Readonly<Record<string, number>>): Promise<void> {
    const wanted = Object.entries(scale).map(([name, replicas]) => ({ ...this.#workload(name), replicas }))
    for (const { name } of wanted) this.#pods.delete(name)
    const placed = sceneManifests({ ...this.#scene, workloads: wanted, services: [], namespaces: [] }, this.#mesh)
    await this.#api.apply(this.#names.place(placed))
    for (const { name, replicas } of wanted) await this.#until(name, replicas)
  }

  async #readyPod(workload: string): Promise<RawObject> {
    const known = this.#pods.get(workload)
    if (known !== undefined) return known
    const { namespace } = this.#workload(workload)
    const pod = (await this.#api.pods(this.#names.of(namespace), `workload=${workload}`)).find(isReady)
    if (pod === undefined) throw new Error(`${workload} has no pod that is ready.`)
    this.#pods.set(workload, pod)
    return pod
  }

  /** Resolves once so many pods are ready and none else is left. */
  async #until(workload: string, replicas: number): Promise<void> {
    const { namespace } = this.#workload(workload)
    const deadline = performance.now() + START_MS
    for (;;) {
      const pods = await this.#api.pods(this.#names.of(namespace), `workload=${workload}`)
      if (pods.length === replicas && pods.every(isReady)) return
      if (performance.now() > deadline) {
        const ready = pods.filter(isReady).length
        throw new Error(`${workload} was to have ${replicas} pods, and has ${pods.length}, ${ready} of them ready.`)
      }
      await pause(LOOK_MS)
    }
  }

  /** A mesh that does not say when a change is in force is given a while; wrong answers are asked again after it. */
  #settled(): Promise<void> {
    return pause(Math.max(0, this.#changedAt + this.#mesh.settleMs - performance.now()))
  }

  async #question({ from, to, call, times, connection }: When): Promise<RawObject> {
    const { host, name } = await this.#addressOf(to)
    const keep = connection === 'kept' ? { keep: `${this.#case} ${from} ${name}` } : {}
    const asked = { host, port: to.port, times, ...keep }
    if (call.kind !== 'http') return { ...asked, ...call }
    const headers = Object.fromEntries(call.headers.map(([key, value]) => [key, this.#names.place(value)]))
    return { ...asked, kind: 'http', method: call.method, path: call.path, headers }
  }

  async #addressOf(to: When['to']): Promise<{ readonly host: string; readonly name: string }> {
    if (to.kind === 'service') {
      const host = `${to.name}.${this.#names.of(to.namespace)}.svc.cluster.local`
      return { host, name: host }
    }
    const pod = await this.#readyPod(to.workload)
    return { host: text(fields(pod['status'])['podIP']), name: to.workload }
  }
}

/** `answered v1 8080`, `status 403`, `closed`: as the application in the pods words it. */
function outcomeOf(seen: string): CallOutcome {
  const [kind, first = '', second] = seen.split(' ')
  if (kind === 'answered') return { kind, workload: first, ...(second ? { port: Number(second) } : {}) }
  if (kind === 'status') return { kind, status: Number(first) }
  return kind === 'closed' ? { kind } : { kind: 'unexpected', what: seen }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

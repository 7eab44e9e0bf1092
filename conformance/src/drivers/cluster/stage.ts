/** One scene in a cluster: its pods and Services in namespaces of its own, and callers inside the pods. */
import { isDeepStrictEqual } from 'node:util'
import { isSmi, nameOfRaw, sameObject } from '../../case/objects.ts'
import type { Access, Case, ObjectName, Scene, When } from '../../case.ts'
import { fields, list, text } from '../../oracle/read.ts'
import type { CallOutcome, Seen, Stage, WorldChange } from '../../suite/driver.ts'
import type { RawObject } from '../../world.ts'
import type { Caller, CallerPlace } from './caller.ts'
import { isObserved, isReady, type Kubernetes } from './kubernetes.ts'
import { CONTAINER, namespaceManifests, sceneManifests } from './manifests.ts'
import type { MeshOptions } from './mesh.ts'
import { type NamespaceNames, namespaceNames } from './namespaces.ts'

/** Pods that have to start, with a sidecar that has to be configured. */
const START_MS = 300_000
const LOOK_MS = 100
const ASK_MS = 20
/** A mesh that says of an object that it was read is about to tell its proxies, which is a matter of milliseconds. */
const TOLD_MS = 50

export interface ClusterWays {
  readonly api: Kubernetes
  readonly caller: (place: CallerPlace) => Caller
  /** Called at the beginning of each case, once all is cleared away. */
  readonly begun?: (() => Promise<void>) | undefined
}

export class ClusterStage implements Stage {
  readonly patienceMs: number
  readonly #ways: ClusterWays
  readonly #mesh: MeshOptions
  readonly #scene: Scene
  readonly #names: NamespaceNames
  #applied: readonly RawObject[] = []
  /** Of these a mesh is to say that it has read them. */
  #unread: readonly ObjectName[] = []
  #scaled = new Set<string>()
  /** By workload, as long as nobody scales it. */
  readonly #pods = new Map<string, RawObject>()
  /** By pod. */
  readonly #callers = new Map<string, Caller>()
  #marked: Access | undefined
  /** When all is in force at the latest; and when that is of which a mesh says nothing. */
  #inForceAt = 0
  #restInForceAt = 0
  #podsInForceAt = 0
  #case = ''

  constructor(ways: ClusterWays, mesh: MeshOptions, scene: Scene) {
    this.#ways = ways
    this.#mesh = mesh
    this.#scene = scene
    this.#names = namespaceNames(scene.group, scene.namespaces)
    this.patienceMs = mesh.patienceMs
  }

  async setUp(): Promise<void> {
    await this.#mark(this.#scene.access)
    await this.#ways.api.apply(this.#names.place(sceneManifests(this.#scene, this.#mesh)))
    await Promise.all(this.#scene.workloads.map(({ name, replicas }) => this.#until(name, replicas)))
  }

  async begin(one: Case, access: Access): Promise<void> {
    this.#case = one.id
    const own = this.#applied.filter(object => !this.#isOfScene(object))
    const changed = this.#applied.filter(object => this.#isOfScene(object))
    this.#applied = []
    this.#unread = []
    const back = this.#scene.workloads.filter(({ name }) => this.#scaled.has(name))
    this.#scaled = new Set()
    const isMarked = isDeepStrictEqual(access, this.#marked)
    await Promise.all([
      this.#ways.api.delete(own.map(object => nameOfRaw(this.#names.place(object)))),
      this.#ways.api.apply(changed.length === 0 ? [] : this.#names.place(this.#scene.services)),
      this.#scale(Object.fromEntries(back.map(({ name, replicas }) => [name, replicas]))),
      this.#mark(access),
    ])
    await this.#ways.begun?.()
    this.#changed(this.#ways.begun !== undefined || !isMarked || changed.length + back.length > 0 || !own.every(isSmi))
  }

  async change({ apply, delete: gone, scale }: WorldChange): Promise<void> {
    await this.#ways.api.delete(gone.map(name => this.#placed(name)))
    await this.#ways.api.offer(this.#names.place(apply))
    const replaced = [...gone, ...apply.map(nameOfRaw)]
    const kept = this.#applied.filter(object => !replaced.some(name => sameObject(name, nameOfRaw(object))))
    this.#applied = [...kept, ...apply]
    for (const name of Object.keys(scale)) this.#scaled.add(name)
    await this.#scale(scale)
    const spoken = this.#mesh.lacks.has('conditions') ? [] : apply.filter(isSmi).map(nameOfRaw)
    this.#unread = [...this.#unread, ...spoken]
    this.#changed(gone.length + Object.keys(scale).length > 0 || !apply.every(isSmi))
  }

  async call(when: When): Promise<Seen> {
    const { namespace } = this.#workload(when.from)
    const pod = nameOfRaw(await this.#readyPod(when.from)).name
    await this.#settled()
    const caller = this.#callerIn(this.#names.of(namespace), pod)
    const said = await caller.ask(await this.#question(when)).catch((error: unknown) => {
      this.#callers.delete(pod) // the next question gets another
      throw error
    })
    const { outcomes, connections } = { outcomes: {}, connections: 0, ...said }
    return {
      kind: 'counted',
      outcomes: Object.entries(fields(outcomes)).map(([seen, part]) => ({
        outcome: outcomeOf(seen),
        part: Number(part),
      })),
      connections: Number(connections),
    }
  }

  async conditionsOf(name: ObjectName) {
    await this.#settled()
    const object = await this.#ways.api.read(this.#placed(name))
    return list(fields(fields(object)['status'])['conditions'])
      .map(fields)
      .map(({ type, status, reason }) => ({ type: text(type), status: text(status), reason: text(reason) }))
  }

  refusalOf(object: RawObject): Promise<string | undefined> {
    return this.#ways.api.refusalOf(this.#names.place(object))
  }

  async read(name: ObjectName, version: string): Promise<RawObject | undefined> {
    return this.#names.back(await this.#ways.api.read(this.#placed(name), version))
  }

  async get(path: string): Promise<unknown> {
    await this.#settled()
    return this.#names.back(await this.#ways.api.get(this.#names.place(path)))
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#callers.values()].map(caller => caller.stop()))
    const kind = 'Namespace'
    await this.#ways.api.delete(
      this.#scene.namespaces.map(name => ({ kind, namespace: '', name: this.#names.of(name) })),
    )
  }

  #callerIn(namespace: string, pod: string): Caller {
    const found = this.#callers.get(pod) ?? this.#ways.caller({ namespace, pod, container: CONTAINER })
    this.#callers.set(pod, found)
    return found
  }

  #placed(name: ObjectName): ObjectName {
    return { ...name, namespace: this.#names.of(name.namespace) }
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
    await this.#ways.api.apply(this.#names.place(namespaceManifests(this.#scene, access, this.#mesh)))
    this.#marked = access
  }

  async #scale(scale: Readonly<Record<string, number>>): Promise<void> {
    const wanted = Object.entries(scale).map(([name, replicas]) => ({ ...this.#workload(name), replicas }))
    for (const { name } of wanted) this.#pods.delete(name)
    const placed = sceneManifests({ ...this.#scene, workloads: wanted, services: [], namespaces: [] }, this.#mesh)
    await this.#ways.api.apply(this.#names.place(placed))
    for (const { name, replicas } of wanted) await this.#until(name, replicas)
    if (wanted.length > 0) this.#podsInForceAt = performance.now() + this.#mesh.podsSettleMs
  }

  async #readyPod(workload: string): Promise<RawObject> {
    const known = this.#pods.get(workload)
    if (known !== undefined) return known
    const { namespace } = this.#workload(workload)
    const pod = (await this.#ways.api.pods(this.#names.of(namespace), `workload=${workload}`)).find(isReady)
    if (pod === undefined) throw new Error(`${workload} has no pod that is ready.`)
    this.#pods.set(workload, pod)
    return pod
  }

  /** Resolves once so many pods are ready and none else is left. */
  async #until(workload: string, replicas: number): Promise<void> {
    const { namespace } = this.#workload(workload)
    const deadline = performance.now() + START_MS
    for (;;) {
      const pods = await this.#ways.api.pods(this.#names.of(namespace), `workload=${workload}`)
      if (pods.length === replicas && pods.every(isReady)) return
      if (performance.now() > deadline) {
        const ready = pods.filter(isReady).length
        throw new Error(`${workload} was to have ${replicas} pods, and has ${pods.length}, ${ready} of them ready.`)
      }
      await pause(LOOK_MS)
    }
  }

  /** `rest`: something has changed of which a mesh does not say whether it knows. */
  #changed(rest: boolean): void {
    this.#inForceAt = performance.now() + this.#mesh.settleMs
    if (rest) this.#restInForceAt = this.#inForceAt
  }

  /** A change is in force once the mesh has said so of every object, or after a while where it says nothing. */
  async #settled(): Promise<void> {
    while (this.#unread.length > 0 && performance.now() < this.#inForceAt) {
      await pause(ASK_MS)
      const read = await Promise.all(this.#unread.map(name => this.#isRead(name)))
      this.#unread = this.#unread.filter((_, at) => read[at] === false)
      if (this.#unread.length === 0) this.#inForceAt = Math.max(performance.now() + TOLD_MS, this.#restInForceAt)
    }
    await pause(Math.max(0, Math.max(this.#inForceAt, this.#podsInForceAt) - performance.now()))
  }

  /** What was refused is not there, and is not waited for. */
  async #isRead(name: ObjectName): Promise<boolean> {
    const object = await this.#ways.api.read(this.#placed(name))
    return object === undefined || isObserved(object)
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

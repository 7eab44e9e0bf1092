/** All pods that run on this machine, brought step by step to what is asked for. */
import type { PodKey } from '@smi-mesh/dataplane/mesh'
import { allocate, type Range } from './allocate.ts'
import type { DesiredPod } from './desired.ts'
import type { PlacedPod } from './expand.ts'
import { LocalPod, type PodWorld } from './local-pod.ts'
import { plan } from './plan.ts'
import type { ProxyStart } from './proxy.ts'
import type { Reaper } from './reaper.ts'
import type { RunDirectory } from './run-directory.ts'
import type { Demand } from './source.ts'
import { refuseTakenSubnets } from './taken-subnets.ts'
import { podWhere, serviceWhere } from './where.ts'

export interface FleetOptions {
  readonly run: RunDirectory
  readonly reaper: Reaper
  /** The variables every process starts with. */
  readonly base: Readonly<Record<string, string>>
  readonly subnets: Range
  /** Called with all pods whenever one of them changed. */
  readonly show: (pods: readonly PlacedPod[]) => void
  /** One line for the person at the terminal. */
  readonly say: (line: string) => void
  /** Whether to say where Services are reached. */
  readonly tellsServices: boolean
  /** The folder from which the commands of a pod are meant, given where the pod was written. */
  readonly directoryOf: (origin: string) => string
  readonly now: () => number
  readonly clock: () => number
}

/** What the control plane tells a fleet about proxies. */
export interface Proxies {
  isKnown(pod: PodKey): boolean
  proxy(pod: DesiredPod, subnet: number): ProxyStart
  /** The pod on this subnet is no more. */
  forget(subnet: number): void
}

/** How long anything may take to end when everything ends. */
const HASTE_MS = 3_000

export class Fleet {
  readonly #options: FleetOptions
  readonly #pods = new Map<PodKey, { readonly local: LocalPod; since: number; readonly done: Promise<void> }>()
  #subnets: ReadonlyMap<string, number> = new Map()
  #demand: Demand = { pods: [], services: [], originOf: () => '' }
  #proxies: Proxies | undefined
  readonly #leaving = new Set<Promise<void>>()
  #told: ReadonlySet<string> = new Set()
  #left: ReadonlySet<string> = new Set()
  #isOver = false

  constructor(options: FleetOptions) {
    this.#options = options
  }

  /** What should run from now on. */
  want(demand: Demand): void {
    this.#demand = demand
    this.#tellServices()
    this.#reconcile()
  }

  /** From now on pods may start. Throws a MeshError where somebody else has an address that one of them is to have. */
  async start(proxies: Proxies): Promise<void> {
    const { pods } = this.#demand
    const names = pods.map(pod => pod.key)
    await refuseTakenSubnets(pods, allocate(this.#subnets, names, this.#options.subnets).numbers)
    this.#proxies = proxies
    this.#tellServices()
    this.#reconcile()
  }

  /** Ends everything, quickly. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all([...this.#pods.values()].map(({ local }) => local.stop(HASTE_MS, true)))
    await Promise.all([...this.#pods.values()].map(({ done }) => done))
    await Promise.all(this.#leaving)
  }

  pods(): readonly LocalPod[] {
    return [...this.#pods.values()].map(({ local }) => local)
  }

  /** Each once, and again when its address changes. */
  #tellServices(): void {
    if (this.#proxies === undefined || !this.#options.tellsServices) return
    const lines = new Set(this.#demand.services.filter(({ ports }) => ports.length > 0).map(serviceWhere))
    for (const line of lines) if (!this.#told.has(line)) this.#options.say(line)
    this.#told = lines
  }

  #reconcile(): void {
    const proxies = this.#proxies
    if (proxies === undefined || this.#isOver) return
    const running = this.pods().map(({ pod, state }) => ({ pod, state }))
    const { start, stop } = plan(this.#demand.pods, running)
    const names = [...this.#pods.keys(), ...start.map(pod => pod.key)]
    const { numbers, left } = allocate(this.#subnets, names, this.#options.subnets)
    this.#subnets = numbers
    for (const pod of start) {
      const subnet = numbers.get(pod.key)
      if (subnet !== undefined) this.#startPod(pod, subnet, proxies)
    }
    this.#tellLeft(left)
    for (const key of stop) this.#leave(key)
    if (start.length > 0) this.#show()
  }

  /** Once for each pod, however often it is tried again. */
  #tellLeft(left: readonly string[]): void {
    const fresh = left.filter(key => !this.#left.has(key))
    this.#left = new Set(left)
    if (fresh.length > 0)
      this.#options.say(`There are no more addresses: ${fresh.join(', ')} cannot run. Ask for fewer replicas.`)
  }

  #startPod(pod: DesiredPod, subnet: number, proxies: Proxies): void {
    const { run, reaper, base, say, now, clock, directoryOf } = this.#options
    const world: PodWorld = {
      run,
      base,
      say,
      now,
      services: this.#demand.services,
      directory: directoryOf(this.#demand.originOf(pod)),
      isKnown: () => proxies.isKnown(pod.key),
      proxy: () => proxies.proxy(pod, subnet),
      changed: () => this.#changed(pod.key),
      watched: pid => {
        reaper.watch(pid)
        run.note(pid)
      },
      unwatched: pid => {
        reaper.forget(pid)
        run.forget(pid)
      },
    }
    const local = new LocalPod(pod, subnet, world)
    // What the system refuses (a full disk, no more processes) concerns this pod alone.
    const done = local
      .run()
      .catch((error: unknown) =>
        say(`${pod.key} cannot run: ${error instanceof Error ? error.message : String(error)}`),
      )
    this.#pods.set(pod.key, { local, since: clock(), done })
  }

  #leave(key: PodKey): void {
    const leaving = this.#stopPod(key)
      .catch((error: unknown) => this.#options.say(`${key}: ${error instanceof Error ? error.message : String(error)}`))
      .finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
  }

  async #stopPod(key: PodKey): Promise<void> {
    const found = this.#pods.get(key)
    if (found === undefined || found.local.state === 'stopping') return
    found.since = this.#options.clock()
    await found.local.stop(found.local.pod.spec.graceMs, false)
    await found.done
    this.#pods.delete(key)
    this.#proxies?.forget(found.local.subnet)
    this.#show()
    this.#reconcile()
  }

  #changed(key: PodKey): void {
    const local = this.#pods.get(key)?.local
    const state = local?.state
    if (local !== undefined && state === 'ready')
      this.#options.say(`${key} at ${podWhere(local.pod, local.subnet)} is ready`)
    if (state === 'stopping' && !this.#isOver) this.#options.say(`${key} stops`)
    this.#show()
    this.#reconcile()
  }

  #show(): void {
    if (this.#isOver) return
    this.#options.show(
      [...this.#pods.values()].map(({ local, since }) => ({
        pod: local.pod,
        state: local.state,
        subnet: local.subnet,
        since,
      })),
    )
  }
}

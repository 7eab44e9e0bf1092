/** One pod as processes: its proxy first, then its application, kept running until it is told to stop. */
import { setTimeout as sleep } from 'node:timers/promises'
import { podAddress } from '@smi-mesh/dataplane/mesh'
import { type DesiredPod, isMeshed } from './desired.ts'
import { listenAddress, processStart, type ServiceAddress } from './environment.ts'
import type { PodState } from './plan.ts'
import type { Container } from './pod-spec.ts'
import { beginDrain, inFlight, isProxyReady, type ProxyStart } from './proxy.ts'
import { accepts, isContainerReady } from './readiness.ts'
import type { RunDirectory } from './run-directory.ts'
import { type Ending, type ProcessEvents, type ProgramStart, SupervisedProcess } from './supervised-process.ts'

export interface PodWorld {
  readonly run: RunDirectory
  readonly base: Readonly<Record<string, string>>
  readonly services: readonly ServiceAddress[]
  /** The folder from which relative paths of the pod's commands are meant. */
  readonly directory: string
  /** Whether the control plane would let the proxy of this pod in already. */
  isKnown(): boolean
  /** What the proxy of this pod is started with. */
  proxy(): ProxyStart
  changed(): void
  say(line: string): void
  watched(pid: number): void
  unwatched(pid: number): void
  now(): number
}

const EAGER_POLL_MS = 20
const CALM_POLL_MS = 1_000
/** After this long without readiness the user is told what is missing, and asking becomes calm. */
const PATIENCE_MS = 10_000
/** Clients hear that a pod stops within this time: a revision of the control plane and its way to every proxy. */
const FAREWELL_MS = 250

export class LocalPod {
  readonly pod: DesiredPod
  readonly subnet: number
  readonly #world: PodWorld
  readonly #over = new AbortController()
  #proxy: { readonly process: SupervisedProcess; readonly adminSocket: string } | undefined
  #programs: readonly SupervisedProcess[] = []
  #isReady = false
  #isStopping = false

  constructor(pod: DesiredPod, subnet: number, world: PodWorld) {
    this.pod = pod
    this.subnet = subnet
    this.#world = world
  }

  get state(): PodState {
    return this.#isStopping ? 'stopping' : this.#isReady ? 'ready' : 'unready'
  }

  /** The admin socket of its proxy, once there is one. */
  get adminSocket(): string | undefined {
    return this.#proxy?.adminSocket
  }

  /** Runs until stopped. */
  async run(): Promise<void> {
    if (isMeshed(this.pod)) await this.#startProxy()
    if (this.#over.signal.aborted) return
    this.#programs = this.pod.spec.containers.map(container => this.#program(container))
    for (const program of this.#programs) program.start()
    await this.#followReadiness()
  }

  /** Leaves without losing a request: told to nobody any more, last answers given, then ended. `graceMs` caps each step. */
  async stop(graceMs: number, isHasty: boolean): Promise<void> {
    this.#isStopping = true
    this.#over.abort()
    this.#world.changed()
    if (!isHasty && this.#proxy !== undefined) await this.#drain(this.#proxy.adminSocket, graceMs)
    await Promise.all(this.#programs.map(program => program.stop(graceMs)))
    await this.#proxy?.process.stop(graceMs)
  }

  async #startProxy(): Promise<void> {
    await this.#until(async () => this.#world.isKnown())
    if (this.#over.signal.aborted) return
    const { command, adminSocket } = this.#world.proxy()
    const process = this.#supervise('envoy', { command, directory: this.#world.run.path, env: this.#world.base })
    this.#proxy = { process, adminSocket }
    process.start()
    await this.#until(() => isProxyReady(adminSocket))
  }

  #program(container: Container): SupervisedProcess {
    const { services, base, directory } = this.#world
    const { command, env } = processStart(this.pod, container, this.subnet, services, base)
    return this.#supervise(container.name, { command, env, directory })
  }

  #supervise(name: string, start: Omit<ProgramStart, 'logFile'>): SupervisedProcess {
    const logFile = this.#world.run.logFile(this.pod.key, name)
    const events: ProcessEvents = {
      started: pid => this.#world.watched(pid),
      gone: pid => this.#world.unwatched(pid),
      ended: ({ how, restartInMs }: Ending) => {
        this.#setReady(false)
        this.#world.say(
          `${this.pod.key}: ${name} ended (${how}), starts again in ${restartInMs / 1000} s; see ${logFile}`,
        )
      },
    }
    return new SupervisedProcess({ ...start, logFile }, events, this.#world.now)
  }

  async #followReadiness(): Promise<void> {
    const began = this.#world.now()
    let isTold = false
    while (!this.#over.signal.aborted) {
      const isReady = await this.#isAnswering()
      this.#setReady(isReady)
      const isLate = this.#world.now() - began > PATIENCE_MS
      if (!isReady && isLate && !isTold) {
        isTold = true
        this.#world.say(await this.#whatIsMissing())
      }
      await this.#pause(isReady || isLate ? CALM_POLL_MS : EAGER_POLL_MS)
    }
  }

  async #isAnswering(): Promise<boolean> {
    if (this.#programs.some(program => program.pid === undefined)) return false
    if (this.#proxy !== undefined && this.#proxy.process.pid === undefined) return false
    const address = listenAddress(this.pod, this.subnet)
    const answers = await Promise.all(this.pod.spec.containers.map(container => isContainerReady(container, address)))
    return answers.every(Boolean) && (this.#isReady || (await this.#isProxyListening()))
  }

  /** A proxy also calls itself ready when its control plane kept it waiting too long; then it listens nowhere. */
  async #isProxyListening(): Promise<boolean> {
    if (this.#proxy === undefined) return true
    const ports = this.pod.spec.containers.flatMap(container => container.ports)
    return (await Promise.all(ports.map(port => accepts(podAddress(this.subnet), port)))).every(Boolean)
  }

  async #whatIsMissing(): Promise<string> {
    const address = listenAddress(this.pod, this.subnet)
    const ports = this.pod.spec.containers.flatMap(container => container.ports)
    const answering = await Promise.all(ports.map(port => accepts(address, port)))
    const silent = ports.filter((_, index) => answering[index] !== true).map(port => `${address}:${port}`)
    if (silent.length > 0) {
      return `${this.pod.key} is not ready: nobody listens at ${silent.join(' and ')}. Let the application listen on $(POD_IP), which is ${address}.`
    }
    if (!(await this.#isProxyListening())) {
      return `${this.pod.key} is not ready: its proxy has no configuration yet; see ${this.#world.run.logFile(this.pod.key, 'envoy')}`
    }
    return `${this.pod.key} is not ready: its readinessProbe is not answered.`
  }

  #setReady(isReady: boolean): void {
    if (this.#isReady === isReady || this.#isStopping) return
    this.#isReady = isReady
    this.#world.changed()
  }

  async #drain(adminSocket: string, graceMs: number): Promise<void> {
    const deadline = this.#world.now() + graceMs
    await sleep(Math.min(FAREWELL_MS, graceMs))
    await beginDrain(adminSocket)
    let quiet = 0
    while (quiet < 2 && this.#world.now() < deadline) {
      const active = await inFlight(adminSocket)
      if (active === undefined) return
      quiet = active === 0 ? quiet + 1 : 0
      await sleep(EAGER_POLL_MS)
    }
  }

  async #until(holds: () => Promise<boolean>): Promise<void> {
    while (!this.#over.signal.aborted && !(await holds())) await this.#pause(EAGER_POLL_MS)
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#over.signal }).catch(() => undefined) // stopping wakes the sleeper
  }
}

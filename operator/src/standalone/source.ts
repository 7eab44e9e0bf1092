/** A source of what the user wrote, seen through what runs: the objects an API server of this machine would hold. */
import { isDeepStrictEqual } from 'node:util'
import { refText } from '@smi-mesh/dataplane/mesh'
import type { Moved, Source, SourceChange, SourceObserver, SourceProblem } from '../sources/source.ts'
import { allocate } from './allocate.ts'
import type { DesiredPod } from './desired.ts'
import type { ServiceAddress } from './environment.ts'
import {
  addressedServices,
  desiredOf,
  expand,
  LOOPBACK_PLAN,
  type Objects,
  type PlacedPod,
  SERVICE_NUMBERS,
  serviceAddresses,
} from './expand.ts'

/** What should run, as of now. */
export interface Demand {
  readonly pods: readonly DesiredPod[]
  readonly services: readonly ServiceAddress[]
  /** `file:line` of the object that asks for a pod. */
  originOf(pod: DesiredPod): string
}

export class StandaloneSource implements Source {
  readonly #inner: Source
  readonly #demand: (demand: Demand) => void
  readonly #written = new Map<string, SourceChange>()
  #serviceNumbers: ReadonlyMap<string, number> = new Map()
  #pods: readonly PlacedPod[] = []
  #told: Objects = new Map()
  #innerProblems: readonly SourceProblem[] = []
  #problems: readonly SourceProblem[] = []
  #observer: SourceObserver | undefined

  /** `demand` is called whenever other pods should run than before. */
  constructor(inner: Source, demand: (demand: Demand) => void) {
    this.#inner = inner
    this.#demand = demand
  }

  async start(on: SourceObserver): Promise<void> {
    this.#observer = on
    await this.#inner.start({
      changes: batch => this.#apply(batch),
      moved: objects => this.#move(objects),
      problems: current => {
        this.#innerProblems = current
        this.#report()
      },
      synced: () => on.synced(),
    })
  }

  async stop(): Promise<void> {
    this.#observer = undefined
    await this.#inner.stop()
  }

  /** What runs now. */
  show(pods: readonly PlacedPod[]): void {
    this.#pods = pods
    this.#tell()
  }

  #apply(batch: readonly SourceChange[]): void {
    for (const change of batch) {
      if (change.object === undefined) this.#written.delete(refText(change.ref))
      else this.#written.set(refText(change.ref), change)
    }
    const services = addressedServices(this.#written, LOOPBACK_PLAN)
    this.#serviceNumbers = allocate(this.#serviceNumbers, services, SERVICE_NUMBERS).numbers
    this.#tell()
    this.#report()
    const { pods } = desiredOf(this.#written)
    const origins = new Map(pods.map(pod => [pod.key, this.#written.get(refText(pod.controller))?.origin ?? '']))
    this.#demand({ pods, services: serviceAddresses(this.#told), originOf: pod => origins.get(pod.key) ?? '' })
  }

  /** The same objects, and the pods they ask for, from other lines. */
  #move(objects: readonly Moved[]): void {
    for (const { ref, origin } of objects) {
      const known = this.#written.get(refText(ref))
      if (known !== undefined) this.#written.set(refText(ref), { ...known, origin })
    }
    this.#tell()
    this.#report()
  }

  /** Hands on what differs from what was told last. */
  #tell(): void {
    const next = expand(this.#written, this.#serviceNumbers, this.#pods)
    const batch: SourceChange[] = []
    const moved: Moved[] = []
    for (const [key, change] of next) {
      const before = this.#told.get(key)
      if (before === undefined || !isDeepStrictEqual(before.object, change.object)) batch.push(change)
      else if (before.origin !== change.origin) moved.push({ ref: change.ref, origin: change.origin })
    }
    for (const [key, { ref, origin }] of this.#told) if (!next.has(key)) batch.push({ ref, object: undefined, origin })
    this.#told = next
    if (batch.length > 0) this.#observer?.changes(batch)
    if (moved.length > 0) this.#observer?.moved(moved)
  }

  #report(): void {
    const refused = desiredOf(this.#written).refused.map(({ change, field, message }): SourceProblem => {
      const [, file = change.origin, line] = /^(.*):(\d+)$/.exec(change.origin) ?? []
      const where = line === undefined ? field : `line ${line}, ${field}`
      return { file, where, message: `${refText(change.ref)}: ${message}` }
    })
    const problems = [...this.#innerProblems, ...refused]
    if (isDeepStrictEqual(problems, this.#problems)) return
    this.#problems = problems
    this.#observer?.problems(problems)
  }
}

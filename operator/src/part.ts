/** What runs beside the control plane of a replica in a cluster, and how it hears what goes on. */
import type { OperatorConfig } from './config.ts'
import type { PreparedPlane } from './control-plane.ts'
import type { Issuer, SetTimer, Signatory } from './identity/index.ts'
import type { KubernetesClient } from './kubernetes/index.ts'
import type { Log, Metrics } from './telemetry/index.ts'

/** Clock and chance, from `main.ts`. */
export interface Nature {
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Milliseconds that never go backwards. */
  readonly now: () => number
  readonly random: () => number
  readonly setTimer: SetTimer
}

/** What a part may use. */
export interface PartContext {
  readonly config: OperatorConfig
  readonly client: KubernetesClient
  readonly plane: PreparedPlane
  readonly authority: Signatory
  readonly issuer: Issuer
  readonly log: Log
  readonly metrics: Metrics
  readonly nature: Nature
  /** Whether this replica may write now. */
  readonly leads: () => boolean
  /** Whether the cluster has been read, and proxies are served. */
  readonly serves: () => boolean
}

/**
 * Something that runs beside the control plane. Begun before the cluster is read, for the API server may have to ask us before it
 * can tell us what we ask: objects that it keeps in an old version are converted by our webhook. Stopped before proxies are left.
 */
export interface Part {
  /** This replica, which serves proxies, begins or ends to lead. */
  readonly lead?: (leads: boolean) => void
  /** A revision was settled, or the cluster's namespaces, roots or the like may have changed. */
  readonly changed?: () => void
  /** What it still waits for, as sentences. */
  readonly unready?: () => readonly string[]
  readonly stop: () => Promise<void>
}

/** All parts of a replica, added before anything is told. */
export class Parts {
  readonly #parts: Part[] = []
  #leads = false
  #serving = false

  /** Whether the cluster has been read, and proxies are served. */
  get serving(): boolean {
    return this.#serving
  }

  add(part: Part): void {
    this.#parts.push(part)
  }

  /** The cluster has been read, and proxies are served. */
  serve(): void {
    this.#serving = true
    if (this.#leads) this.#tell(true)
  }

  /** Who leads before anything is served has nothing to say of it yet; what may be written by then, `changed` has looked at. */
  lead(leads: boolean): void {
    this.#leads = leads
    if (this.#serving) this.#tell(leads)
    else this.changed()
  }

  changed(): void {
    for (const part of this.#parts) part.changed?.()
  }

  /** What they still wait for, as sentences. */
  unready(): readonly string[] {
    return this.#parts.flatMap(part => part.unready?.() ?? [])
  }

  #tell(leads: boolean): void {
    for (const part of this.#parts) part.lead?.(leads)
  }
}

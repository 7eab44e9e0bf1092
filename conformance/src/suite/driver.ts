/**
 * Who is asked the cases: a mesh, in whatever form. A driver puts a scene on the stage, changes the world as it is told, and
 * says what it sees. It judges nothing.
 */
import type { Access, Capability, Case, ObjectName, Scene, When } from '../case.ts'
import type { Condition } from '../condition.ts'
import type { RawObject } from '../world.ts'

export interface Driver {
  readonly name: string
  /** What it cannot be asked about, and why: such cases are skipped, and the report says so. */
  readonly lacks: ReadonlyMap<Capability, string>
  /** How many scenes it can play at once; one where it does not say. */
  readonly scenesAtOnce?: number
  /** Why it cannot take the objects of a case; undefined where it can. */
  cannotTake?(one: Case): string | undefined
  /** Puts the pods and Services of a scene there; resolves once they can be called. */
  enter(scene: Scene): Promise<Stage>
  stop(): Promise<void>
}

export interface Stage {
  /** How long an answer that differs is asked again, where nobody can say when a change is in force. */
  readonly patienceMs?: number
  /** Clears away all that a case before has left, and sets the mode of the scene's namespaces. */
  begin(one: Case, access: Access): Promise<void>
  /** Resolves once all of it is in force. */
  change(change: WorldChange): Promise<void>
  call(when: When): Promise<Seen>
  conditionsOf(name: ObjectName): Promise<readonly Condition[]>
  /** Why the object is not taken; undefined where it is. */
  refusalOf(object: RawObject): Promise<string | undefined>
  /** The object as stored, in a version. */
  read(name: ObjectName, version: string): Promise<RawObject | undefined>
  /** What the API server answers at a path. */
  get(path: string): Promise<unknown>
  stop(): Promise<void>
}

export interface WorldChange {
  readonly apply: readonly RawObject[]
  readonly delete: readonly ObjectName[]
  readonly scale: Readonly<Record<string, number>>
}

/**
 * What became of calls. `predicted`: shares that sum to 1, of somebody who knows; `counted`: numbers of real calls.
 */
export interface Seen {
  readonly kind: 'predicted' | 'counted'
  readonly outcomes: readonly { readonly outcome: CallOutcome; readonly part: number }[]
  /** How many connections it took, where somebody counted. */
  readonly connections?: number
}

export type CallOutcome =
  | { readonly kind: 'answered'; readonly workload: string; readonly port?: number }
  /** HTTP says no, with the reason where it is known. */
  | { readonly kind: 'status'; readonly status: number; readonly reason?: string }
  | { readonly kind: 'closed' }
  | { readonly kind: 'unexpected'; readonly what: string }

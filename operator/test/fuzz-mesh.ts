/** One graph that lives through any number of spoilt objects, beside a namespace that must not notice. */
import { Graph, type Settled } from '@smi-mesh/dataplane/derive'
import { deriveResources, scopedResources } from '@smi-mesh/dataplane/envoy'
import {
  DEFAULT_MESH_CONFIG,
  type IdentityCertificate,
  type ObjectRef,
  type SpiffeId,
  type TrustBundle,
} from '@smi-mesh/dataplane/mesh'
import fc from 'fast-check'
import { compile } from '../src/compile/index.ts'
import { FactTables } from '../src/facts/index.ts'
import { identify } from '../src/sources/identify.ts'
import { manifests, refOf } from '../testdata/world.ts'
import { CALM_SCENE, policy } from './living-mesh.ts'
import { spoilt } from './spoil.ts'

/** Names that spoilt objects use, so that most of them meet others. */
const CALM = 'calm'
/** The world stays about this large: what came first goes first. */
const MOST_OBJECTS = 60

export interface Fuzzed {
  readonly objects: number
  /** How many of them an API server would know by a name. */
  readonly taken: number
  readonly revisions: number
  readonly ms: number
}

export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure'
}

class FuzzMesh {
  readonly #graph = new Graph()
  readonly #facts = new FactTables(this.#graph, DEFAULT_MESH_CONFIG)
  readonly #compiled = compile(this.#graph, this.#facts, DEFAULT_MESH_CONFIG)
  readonly #derived = deriveResources(this.#graph, this.#compiled.mesh, {
    certificates: this.#graph.source<SpiffeId, IdentityCertificate>('certificates'),
    bundle: this.#graph.source<'bundle', TrustBundle>('bundle'),
  })
  readonly #living = new Map<string, ObjectRef>()
  readonly #calm: ReadonlyMap<string, string>

  constructor() {
    const objects = manifests(`${CALM_SCENE}---\n${policy(CALM)}`)
    this.#facts.apply(objects.map(object => ({ ref: refOf(object), object })))
    this.#settle('the calm namespace')
    this.#calm = this.#resources()
    if (this.#calm.size < 20) throw new FuzzFailure('There is nothing that could be harmed.')
  }

  /** Takes one object in, or out if it is too many. False where no API server would know it by a name. */
  take(object: unknown): boolean {
    const found = identify(object)
    if (found.kind === 'unidentified' || found.ref.namespace === CALM || found.ref.name === CALM) return false
    const { ref } = found
    const key = JSON.stringify(ref)
    this.#living.delete(key)
    this.#living.set(key, ref)
    const [oldest] = this.#living
    this.#facts.apply([{ ref, object: found.object }])
    if (this.#living.size > MOST_OBJECTS && oldest !== undefined) {
      this.#living.delete(oldest[0])
      this.#facts.apply([{ ref: oldest[1], object: undefined }])
    }
    const settled = this.#settle(JSON.stringify(object))
    for (const [, findings] of this.#compiled.findings.entries()) {
      for (const { message, about } of findings)
        if (message === '' || about.namespace === CALM) throw new FuzzFailure(`${JSON.stringify(object)}: ${message}`)
    }
    if (settled.changed(this.#derived.scopes).size + this.#touched(settled) > 0) this.verify(JSON.stringify(object))
    return true
  }

  /** Compares everything of the calm namespace with what it was at first. */
  verify(after: string): void {
    const now = this.#resources()
    for (const [name, value] of this.#calm)
      if (now.get(name) !== value) throw new FuzzFailure(`${name} changed by ${after}`)
    for (const name of now.keys()) if (!this.#calm.has(name)) throw new FuzzFailure(`${name} was added by ${after}`)
  }

  /** Resources of the calm namespace that a revision computed anew and found different. */
  #touched(settled: Settled): number {
    return this.#derived.tables
      .flatMap(table => [...settled.changed(table)].map(key => table.get(key)))
      .filter(resource => resource === undefined || resource.from.some(({ namespace }) => namespace === CALM)).length
  }

  #settle(after: string): Settled {
    const settled = this.#graph.settle()
    const [failure] = settled.failures
    if (failure !== undefined)
      throw new FuzzFailure(`${failure.table} threw at ${String(failure.key)} after ${after}`, { cause: failure.error })
    return settled
  }

  #resources(): ReadonlyMap<string, string> {
    const found = [...this.#compiled.mesh.workloads.keys()]
      .filter(key => key.startsWith(`${CALM}/`))
      .flatMap(key => scopedResources(this.#derived, key).map(resource => [key, resource] as const))
      .filter(([, { from, group }]) => isOurs(from) || group.includes(`:${CALM}/`))
    return new Map(
      found.map(([key, { type, group, name, value }]) => [
        `${key} ${type} ${group} ${name}`,
        Buffer.from(value).toString('base64'),
      ]),
    )
  }
}

/** Made of objects of the calm namespace. What is made of none, such as the capturing listener, serves all Services. */
function isOurs(from: readonly ObjectRef[]): boolean {
  return from.length > 0 && from.every(({ namespace }) => namespace === CALM)
}

/** Feeds so many spoilt objects to one mesh, each in a revision of its own. Throws a FuzzFailure that holds the object. */
export function fuzz(count: number, seed: number): Fuzzed {
  const mesh = new FuzzMesh()
  const began = performance.now()
  let taken = 0
  for (let done = 0; done < count; ) {
    const batch = fc.sample(spoilt, { numRuns: Math.min(1_000, count - done), seed: seed + done })
    for (const object of batch) if (mesh.take(object)) taken++
    done += batch.length
  }
  mesh.verify('everything')
  return { objects: count, taken, revisions: taken, ms: performance.now() - began }
}

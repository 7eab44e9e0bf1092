/**
 * Many resources, shown so that a person reads everything once: one that resembles another as what differs, and a block that
 * stands elsewhere as the place where it stands. A hash of its bytes goes with whatever is not shown whole, so nothing is
 * compared less for being shown less.
 */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { EnvoyResource } from '@smi-mesh/dataplane/mesh'
import { type JsonValue, messageJson } from '@smi-mesh/dataplane/proto'

export interface Shown {
  readonly kind: string
  readonly name: string
  readonly json: JsonValue
  readonly sha256: string
  /** How one says where it stands: `scene/web`, or nothing for the file that is being written. */
  readonly file: string
}

export function shown({ type, name, value }: EnvoyResource, file: string): Shown {
  const kind = type.slice(type.lastIndexOf('.') + 1)
  const sha256 = createHash('sha256').update(value).digest('hex').slice(0, 16)
  return { kind, name, json: messageJson(type, value), sha256, file }
}

/** Blocks of fewer lines are shown again: a reference is no shorter to read. */
const BLOCK_LINES = 8

export class Abbreviator {
  readonly #known: Shown[] = []
  /** Where a block stands, by its text. */
  readonly #blocks = new Map<string, string>()
  /** Extensions, by the type of their configuration. */
  readonly #typed = new Map<string, { readonly place: string; readonly json: JsonValue }[]>()

  /** From now on others may be said to be like it. */
  add(one: Shown): void {
    this.#known.push(one)
    for (const [path, block] of blocks(one.json, '')) {
      const text = JSON.stringify(block)
      if (this.#blocks.has(text)) continue
      const place = `${one.file} ${one.kind} ${one.name}${path}`
      this.#blocks.set(text, place)
      const type = typeOf(block)
      if (type !== undefined) this.#typed.set(type, [...(this.#typed.get(type) ?? []), { place, json: block }])
    }
  }

  /** What is to be shown of a resource. */
  abbreviate(one: Shown): JsonValue {
    const whole = this.#referring(one.json, true)
    const candidates = this.#known.filter(({ kind }) => kind === one.kind)
    let best = { lines: lines(whole), value: whole }
    for (const base of candidates) {
      const but = difference(renamed(base, one.name), one.json)
      const like = [base.file, ...(base.name === one.name ? [] : [base.name])].filter(text => text !== '').join(' ')
      const value = { like, ...(but === undefined ? {} : { but: this.#referring(but, true) }) }
      if (lines(value) < best.lines) best = { lines: lines(value), value }
    }
    return isDeepStrictEqual(best.value, one.json) ? one.json : { ...asObject(best.value), sha256: one.sha256 }
  }

  #referring(value: JsonValue, isWhole = false): JsonValue {
    const place = isWhole || lines(value) < BLOCK_LINES ? undefined : this.#blocks.get(JSON.stringify(value))
    if (place !== undefined) return { as: place }
    if (Array.isArray(value)) return value.map(each => this.#referring(each))
    if (!isObject(value)) return value
    const plain = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.#referring(inner)]))
    return isWhole ? plain : (this.#likeAnother(value, lines(plain)) ?? plain)
  }

  /** An extension as what tells it from the most similar one of its type, if that is half as long as it would be. */
  #likeAnother(value: JsonValue, length: number): JsonValue | undefined {
    let best: { readonly lines: number; readonly value: JsonValue } | undefined
    for (const { place, json } of this.#typed.get(typeOf(value) ?? '') ?? []) {
      const found = { like: place, but: this.#referring(difference(json, value) ?? {}, true) }
      if (lines(found) < (best?.lines ?? length / 2)) best = { lines: lines(found), value: found }
    }
    return best?.value
  }
}

function typeOf(value: JsonValue): string | undefined {
  const type = isObject(value) ? value['@type'] : undefined
  return typeof type === 'string' ? type : undefined
}

type JsonObject = { [key: string]: JsonValue }

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asObject(value: JsonValue): JsonObject {
  return isObject(value) ? value : { value }
}

function* blocks(value: JsonValue, path: string): Generator<readonly [string, JsonValue]> {
  if (typeof value !== 'object' || value === null) return
  if (path !== '' && lines(value) >= BLOCK_LINES) yield [path, value]
  const members = Array.isArray(value)
    ? value.map((each, at) => [label(each, at), each] as const)
    : Object.entries(value)
  for (const [key, inner] of members) yield* blocks(inner, `${path} > ${key}`)
}

/** Of a YAML text of it, roughly: one for each scalar and each key that has members. */
function lines(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1
  const inner = Object.values(value).reduce((sum: number, each: JsonValue) => sum + lines(each), 0)
  return Array.isArray(value) ? inner : inner + Object.values(value).filter(each => typeof each === 'object').length
}

/** As it would be under another name. */
function renamed({ json, name }: Shown, to: string): JsonValue {
  const text = (plain: string) => JSON.stringify(plain).slice(1, -1)
  return JSON.parse(JSON.stringify(json).replaceAll(text(name), () => text(to)))
}

/** What must be changed in the one to have the other; undefined where nothing. Members of lists go by their names. */
export function difference(before: JsonValue | undefined, after: JsonValue): JsonValue | undefined {
  if (isDeepStrictEqual(before, after)) return undefined
  if (Array.isArray(before) && Array.isArray(after)) return listDifference(before, after)
  if (!isObject(before) || !isObject(after)) return after
  return memberDifference(before, after)
}

function memberDifference(before: JsonObject, after: JsonObject): JsonObject {
  const found: JsonObject = {}
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const is = after[key]
    const differs = is === undefined ? 'gone' : difference(before[key], is)
    if (differs !== undefined) found[key] = differs
  }
  return found
}

function listDifference(before: readonly JsonValue[], after: JsonValue[]): JsonValue {
  const [was, is] = [before, after].map(list => Object.fromEntries(list.map((each, at) => [label(each, at), each])))
  if (was === undefined || is === undefined) return after
  const common = Object.keys(is).filter(key => key in was)
  const isOrdered = isDeepStrictEqual(
    common,
    Object.keys(was).filter(key => key in is),
  )
  const isLabelled = Object.keys(was).length === before.length && Object.keys(is).length === after.length
  return isOrdered && isLabelled && common.length > 0 ? memberDifference(was, is) : after
}

function label(member: JsonValue, at: number): string {
  const name = isObject(member) ? member['name'] : undefined
  return typeof name === 'string' ? name : `[${at}]`
}

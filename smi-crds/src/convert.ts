/**
 * Conversion between the versions of a kind, always through the hub, and lossless both ways.
 *
 * Conversion webhooks must be pure and must answer for every stored object, or lists fail: so nothing here reads
 * anything but the object, or fails on a form it does not know.
 */

import { annotation, isSpelling, spellingIn, withAnnotation } from './annotations.ts'
import { target } from './convert/access.ts'
import { routeGroup, tcpRoute } from './convert/specs.ts'
import { split } from './convert/split.ts'
import { type Steps, unchanged } from './convert/steps.ts'
import { identify, servedVersion, splitApiVersion, versionNotServed } from './identify.ts'
import { type Fields, fromText, isFields, sameJson, toText, withField, without } from './json.ts'
import { apiVersionOf, type KindName, type SmiKind, type Version } from './kinds.ts'
import { withoutNulls } from './nulls.ts'
import type { Problem } from './problem.ts'
import { schemaOf } from './schemas.ts'

export type ConvertResult =
  | { readonly kind: 'converted'; readonly object: Fields }
  | { readonly kind: 'refused'; readonly problem: Problem }

const steps: Readonly<Record<KindName, Steps>> = {
  TrafficSplit: split,
  TrafficTarget: target,
  IdentityBinding: unchanged,
  HTTPRouteGroup: routeGroup,
  TCPRoute: tcpRoute,
  UDPRoute: unchanged,
}

export function stepsOf(info: SmiKind): Steps {
  return steps[info.kind]
}

/**
 * The object in another version: `v1alpha2`, or `split.smi-spec.io/v1alpha2` as a ConversionReview has it. What that
 * version cannot hold waits in annotations under `smi-mesh.dev/`, and converting back gives the object as it was.
 */
export function convert(object: unknown, toVersion: string): ConvertResult {
  const found = identify(object)
  if (found.kind === 'unknown') return { kind: 'refused', problem: found.problem }
  const { info, version: from } = found
  const wanted = splitApiVersion(toVersion)
  const to = servedVersion(info, wanted.version)
  if (to === undefined || (wanted.group !== '' && wanted.group !== info.group)) {
    return { kind: 'refused', problem: versionNotServed(info, to === undefined ? wanted.version : toVersion) }
  }
  if (from === to) return { kind: 'converted', object: found.object }
  const hub = from === info.hub ? found.object : exactly(found.object, raising(info, from))
  return { kind: 'converted', object: to === info.hub ? hub : exactly(hub, lowering(info, to)) }
}

/** The object in the hub's form, with all in its fields that annotations hold, where that can be read. */
export function toHub(object: Fields, info: SmiKind, from: Version): Fields {
  const hub = from === info.hub ? object : exactly(object, raising(info, from))
  return whole(hub, info)
}

/** The hub with all that its annotations hold, and without nulls, which come from fields that older versions lack. */
function whole(hub: Fields, info: SmiKind): Fields {
  return withoutNulls(stepsOf(info).absorb(hub), schemaOf(info.kind, info.hub) ?? {})
}

/** One way between a version and the hub, and the way back. */
interface Passage {
  readonly from: Version
  readonly to: Version
  readonly forth: (object: Fields) => Fields
  readonly back: (object: Fields) => Fields
  /** Removes what both a field and an annotation of an object say, where we go to. */
  readonly settle: (object: Fields) => Fields
  /** The object as it is in the hub, where annotations hold nothing of their own any more. */
  readonly settled: (object: Fields) => Fields
}

function raising(info: SmiKind, from: Version): Passage {
  const { raise, absorb, lower } = stepsOf(info)
  return {
    from,
    to: info.hub,
    forth: object => ({ ...whole(raise(object, from), info), apiVersion: apiVersionOf(info, info.hub) }),
    back: hub => ({ ...lower(absorb(hub), from), apiVersion: apiVersionOf(info, from) }),
    settle: absorb,
    settled: object => whole(raise(object, from), info),
  }
}

function lowering(info: SmiKind, to: Version): Passage {
  const { from, forth, back } = raising(info, to)
  return {
    from: info.hub,
    to: from,
    forth: back,
    back: forth,
    settle: object => object,
    settled: object => whole(object, info),
  }
}

/**
 * Goes a passage so that going back gives the same object to the letter.
 *
 * If the body as it was once written in the version we go to still converts to the present object, that body is the
 * answer: it says the same. And if the way back would not give the present body, it is kept in an annotation.
 */
function exactly(object: Fields, { from, to, forth, back, settle, settled }: Passage): Fields {
  const plain = withAnnotation(forth(object), spellingIn(to), undefined)
  const written = annotation(object, spellingIn(to))
  const body = written === undefined ? undefined : fromText(written)
  if (isFields(body)) {
    const candidate = settle({ ...envelope(plain), ...bare(body) })
    if (sameMeaning(back(candidate), object)) return candidate
  }
  const returned = back(plain)
  // What waits in annotations may come back in another order than a client left it in: that says the same.
  if (sameJson(bare(returned), bare(object)) && sameMeaning(settled(returned), settled(object))) return plain
  return withAnnotation(plain, spellingIn(from), toText(bare(object)))
}

const envelopeFields = ['apiVersion', 'kind', 'metadata', 'status'] as const

/** All of an object but what is common to all kinds and versions. */
function bare(object: Fields): Fields {
  return without(object, ...envelopeFields)
}

function envelope(object: Fields): Fields {
  return without(object, ...Object.keys(bare(object)))
}

/** Equality but for kept spellings, which say nothing of their own. */
function sameMeaning(a: Fields, b: Fields): boolean {
  return sameJson(withoutSpellings(a), withoutSpellings(b))
}

function withoutSpellings(object: Fields): Fields {
  const metadata = object['metadata']
  if (!isFields(metadata) || !isFields(metadata['annotations'])) return object
  const kept = Object.entries(metadata['annotations']).filter(([name]) => !isSpelling(name))
  const annotations = kept.length > 0 ? Object.fromEntries(kept) : undefined
  return { ...object, metadata: withField(metadata, 'annotations', annotations) }
}

/** What the cluster driver has to know of a mesh to test it: files like those in `conformance/meshes`. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { problemsOf } from '../../case/schema.ts'
import { type Access, CAPABILITIES, type Capability } from '../../case.ts'
import { fields, list, text, texts } from '../../oracle/read.ts'

/** Labels and annotations. */
export interface Marks {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface MeshOptions {
  readonly name: string
  /** An image with Node 24. */
  readonly image: string
  readonly inject: { readonly namespace: Marks; readonly pod: Marks; readonly not: Marks }
  /** `only`: the mode of the whole mesh, where namespaces have none of their own. */
  readonly access: { readonly enforce: Marks; readonly permissive: Marks; readonly only: Access['mode'] | undefined }
  readonly unidentified: { readonly allow: Marks; readonly deny: Marks }
  /** By kind; kinds that are not there are served in all versions. */
  readonly versions: ReadonlyMap<string, readonly string[]>
  readonly lacks: ReadonlyMap<Capability, string>
  readonly settleMs: number
  /** The same for pods that came or went. */
  readonly podsSettleMs: number
  readonly patienceMs: number
}

export function readMesh(file: string): MeshOptions {
  const document: unknown = parse(readFileSync(file, 'utf8'))
  const problems = problemsOf(document, 'mesh')
  if (problems.length > 0) throw new Error(problems.map(problem => `${file}: ${problem}`).join('\n'))
  const { name, image, inject, access, versions, lacks, settleMs, podsSettleMs, patienceMs } = {
    ...{ name: '', image: 'node:24', inject: {}, access: {}, versions: {}, lacks: {} },
    ...{ settleMs: 1_000, podsSettleMs: 0, patienceMs: 20_000 },
    ...fields(document),
  }
  const { enforce, permissive, only, unidentified } = modes(access)
  const missing = texts(lacks)
  return {
    name: text(name),
    image: text(image),
    inject: {
      namespace: marks(fields(inject)['namespace']),
      pod: marks(fields(inject)['pod']),
      not: marks(fields(inject)['not']),
    },
    access: { enforce, permissive, only },
    unidentified,
    versions: new Map(Object.entries(fields(versions)).map(([kind, served]) => [kind, list(served).map(text)])),
    lacks: new Map(CAPABILITIES.flatMap(one => (missing[one] === undefined ? [] : [[one, missing[one]] as const]))),
    settleMs: Number(settleMs),
    podsSettleMs: Number(podsSettleMs),
    patienceMs: Number(patienceMs),
  }
}

function modes(access: unknown): MeshOptions['access'] & Pick<MeshOptions, 'unidentified'> {
  const { enforce, permissive, only, unidentified } = fields(access)
  const { allow, deny } = fields(unidentified)
  return {
    enforce: marks(enforce),
    permissive: marks(permissive),
    only: only === 'enforce' || only === 'permissive' ? only : undefined,
    unidentified: { allow: marks(allow), deny: marks(deny) },
  }
}

export function marks(value: unknown): Marks {
  const { labels, annotations } = { labels: {}, annotations: {}, ...fields(value) }
  return { labels: texts(labels), annotations: texts(annotations) }
}

export function together(...all: readonly Marks[]): Marks {
  return {
    labels: Object.assign({}, ...all.map(({ labels }) => labels)),
    annotations: Object.assign({}, ...all.map(({ annotations }) => annotations)),
  }
}

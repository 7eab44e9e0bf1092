/** The text of a manifest → the same text with proxies in its pods. Comments and all that is no pod stay. */
import { isDeepStrictEqual } from 'node:util'
import { type Document, isMap, isSeq, parseAllDocuments } from 'yaml'
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import { MAX_ALIASES, unreadableMessage } from '../sources/index.ts'
import { inject } from '../webhooks/inject.ts'
import type { InjectContext } from '../webhooks/inject-context.ts'

export interface InjectedText {
  readonly text: string
  readonly remarks: readonly { readonly kind: 'warning' | 'skipped' | 'unreadable'; readonly message: string }[]
}

/** Where the pod stands in an object of a kind. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
}

type Context = Omit<InjectContext, 'namespace'>
type Path = readonly (string | number)[]

/** A document and what it says, its aliases unfolded. */
interface Manifest {
  readonly document: Document
  readonly value: unknown
}

export function injectText(text: string, context: Context): InjectedText {
  const manifests = manifestsIn(text)
  if (typeof manifests === 'string') {
    return { text, remarks: [{ kind: 'unreadable', message: `${manifests} Nothing of the file was injected.` }] }
  }
  const remarks = manifests.flatMap(manifest => injectManifest(manifest, context))
  const parts = manifests.map(({ document }) => document.toString({ lineWidth: 0 }).replace(/^---\n/, ''))
  return { text: parts.join('---\n'), remarks }
}

/** The documents of a file, read as every other command does; or why there are none. */
function manifestsIn(text: string): readonly Manifest[] | string {
  try {
    const found = parseAllDocuments(text, { merge: true })
    const documents: readonly Document[] = Array.isArray(found) ? found : []
    const [error] = documents.flatMap(({ errors }) => errors)
    if (error !== undefined) return `This is no YAML: ${error.message.split('\n')[0]}`
    return documents.map(document => ({ document, value: document.toJS({ maxAliasCount: MAX_ALIASES }) }))
  } catch (error) {
    return unreadableMessage(error) // the parser throws where a document nests too deep or unfolds too far
  }
}

function injectManifest({ document, value }: Manifest, context: Context): InjectedText['remarks'] {
  const remarks: InjectedText['remarks'][number][] = []
  let wanted = value
  for (const { object, path } of objectsIn(value, [])) {
    const { pod, said } = injectObject(object, context)
    remarks.push(...said)
    if (pod === undefined) continue
    const at = [...path, ...(TEMPLATES[textOf(object['kind'])] ?? [])]
    settle(document, at, valueAt(value, at), pod)
    wanted = withValue(wanted, at, pod)
  }
  // What an anchor stands for may have changed for others that refer to it: then all of it is written out.
  if (!isDeepStrictEqual(document.toJS({ maxAliasCount: -1 }), wanted)) document.contents = written(document, wanted)
  return remarks
}

interface Place {
  readonly object: Fields
  readonly path: Path
}

/** The object itself, or the items of a `List` or of a typed list, which may leave out what their kind is. */
function objectsIn(value: unknown, path: Path): readonly Place[] {
  const object = fieldsOf(value)
  const kind = textOf(object['kind'])
  if (!kind.endsWith('List') || !Array.isArray(object['items'])) return [{ object, path }]
  const typed = kind === 'List' ? {} : { kind: kind.slice(0, -'List'.length) }
  return listOf(object['items']).flatMap((item, index) =>
    objectsIn({ ...typed, ...fieldsOf(item) }, [...path, 'items', index]),
  )
}

/** What becomes of the pod of an object; undefined where it stays as it is. */
function injectObject(
  object: Fields,
  context: Context,
): { readonly pod: Fields | undefined; readonly said: InjectedText['remarks'] } {
  const kind = textOf(object['kind'])
  const path = TEMPLATES[kind]
  if (path === undefined) return { pod: undefined, said: [] }
  const metadata = fieldsOf(object['metadata'])
  const namespace = textOf(metadata['namespace'], 'default')
  const before = path.reduce<Fields>((fields, name) => fieldsOf(fields[name]), object)
  // What a Job's pods will be: of that Job.
  const isJob = kind === 'Job' || kind === 'CronJob'
  const owned = isJob
    ? { ...before, metadata: { ...fieldsOf(before['metadata']), ownerReferences: [{ kind: 'Job' }] } }
    : before
  const result = inject(owned, { ...context, namespace })
  const name = `${kind} ${namespace}/${textOf(metadata['name'], textOf(metadata['generateName']))}`
  if (result.kind === 'skipped') {
    const said = [{ kind: 'skipped' as const, message: `${name}: ${result.message}` }]
    return { pod: undefined, said: result.message === '' ? [] : said }
  }
  const { ownerReferences: _owners, ...own } = fieldsOf(result.pod['metadata'])
  const kept = isJob ? own : fieldsOf(result.pod['metadata'])
  return {
    pod: { ...result.pod, metadata: kept },
    said: result.warnings.map(message => ({ kind: 'warning', message: `${name}: ${message}` })),
  }
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((found, key) => (Array.isArray(found) ? found[Number(key)] : fieldsOf(found)[key]), value)
}

function withValue(value: unknown, [key, ...rest]: Path, wanted: unknown): unknown {
  if (key === undefined) return wanted
  if (Array.isArray(value)) return value.map((item, index) => (index === key ? withValue(item, rest, wanted) : item))
  return { ...fieldsOf(value), [key]: withValue(fieldsOf(value)[key], rest, wanted) }
}

/** Without anchors of ours: what is the same in two places is written twice. */
function written(document: Document, value: unknown) {
  return document.createNode(value, { aliasDuplicateObjects: false })
}

/** Changes what differs and nothing else, so that comments stay where they are. */
function settle(document: Document, path: Path, before: unknown, after: unknown): void {
  if (isDeepStrictEqual(before, after)) return
  const node = path.length === 0 ? document.contents : document.getIn(path, true)
  if (isMap(node) && isMapping(after)) {
    for (const key of Object.keys(fieldsOf(before))) if (!(key in after)) document.deleteIn([...path, key])
    for (const [key, value] of Object.entries(after)) settle(document, [...path, key], fieldsOf(before)[key], value)
  } else if (isSeq(node) && Array.isArray(before) && Array.isArray(after)) settleList(document, path, before, after)
  else document.setIn(path, written(document, after))
}

/** Items of one name are the same item, wherever they stand. */
function settleList(document: Document, path: Path, before: readonly unknown[], after: readonly unknown[]): void {
  const nodes = document.getIn(path, true)
  if (!isSeq(nodes)) return
  const nameOf = (item: unknown) => fieldsOf(item)['name']
  const places = after.map(item => before.findIndex(old => nameOf(old) !== undefined && nameOf(old) === nameOf(item)))
  places.forEach((place, index) => {
    if (place !== -1) settle(document, [...path, place], before[place], after[index])
  })
  const items = [...nodes.items]
  nodes.items = after.map((item, index) => items[places[index] ?? -1] ?? written(document, item))
  if (after.length > 0) nodes.flow = false
}

function isMapping(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

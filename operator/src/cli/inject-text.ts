/** The text of a manifest → the same text with proxies in its pods. Comments and all that is no pod stay. */
import { isDeepStrictEqual } from 'node:util'
import { type Document, isMap, isSeq, parseAllDocuments } from 'yaml'
import { type Fields, fieldsOf, textOf } from '../facts/read.ts'
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
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
}

export function injectText(text: string, context: Omit<InjectContext, 'namespace'>): InjectedText {
  const remarks: InjectedText['remarks'][number][] = []
  const found = parseAllDocuments(text)
  const documents: readonly Document[] = Array.isArray(found) ? found : []
  for (const document of documents) {
    const [error] = document.errors
    if (error !== undefined) {
      const message = `This is no YAML: ${error.message.split('\n')[0]} Nothing of the file was injected.`
      return { text, remarks: [{ kind: 'unreadable', message }] }
    }
  }
  for (const document of documents) remarks.push(...injectDocument(document, context))
  const parts = documents.map(document => document.toString({ lineWidth: 0 }).replace(/^---\n/, ''))
  return { text: parts.join('---\n'), remarks }
}

function injectDocument(document: Document, context: Omit<InjectContext, 'namespace'>): InjectedText['remarks'] {
  const object = fieldsOf(document.toJS())
  const kind = textOf(object['kind'])
  const path = TEMPLATES[kind]
  if (path === undefined) return []
  const metadata = fieldsOf(object['metadata'])
  const namespace = textOf(metadata['namespace'], 'default')
  const before = path.reduce<Fields>((fields, name) => fieldsOf(fields[name]), object)
  // What a Job's pods will be: of that Job.
  const isJob = kind === 'Job' || kind === 'CronJob'
  const owned = isJob
    ? { ...before, metadata: { ...fieldsOf(before['metadata']), ownerReferences: [{ kind: 'Job' }] } }
    : before
  const result = inject(owned, { ...context, namespace })
  const name = `${kind} ${namespace}/${textOf(metadata['name'])}`
  if (result.kind === 'skipped') {
    return result.message === '' ? [] : [{ kind: 'skipped', message: `${name}: ${result.message}` }]
  }
  const { ownerReferences: _owners, ...written } = fieldsOf(result.pod['metadata'])
  const kept = isJob ? written : fieldsOf(result.pod['metadata'])
  settle(document, path, before, { ...result.pod, metadata: kept })
  return result.warnings.map(message => ({ kind: 'warning', message: `${name}: ${message}` }))
}

/** Changes what differs and nothing else, so that comments stay where they are. */
function settle(document: Document, path: readonly (string | number)[], before: unknown, after: unknown): void {
  if (isDeepStrictEqual(before, after)) return
  const node = path.length === 0 ? document.contents : document.getIn(path, true)
  if (isMap(node) && isMapping(after)) {
    for (const key of Object.keys(fieldsOf(before))) if (!(key in after)) document.deleteIn([...path, key])
    for (const [key, value] of Object.entries(after)) settle(document, [...path, key], fieldsOf(before)[key], value)
  } else if (isSeq(node) && Array.isArray(before) && Array.isArray(after)) settleList(document, path, before, after)
  else document.setIn(path, document.createNode(after))
}

/** Items of one name are the same item, wherever they stand. */
function settleList(
  document: Document,
  path: readonly (string | number)[],
  before: readonly unknown[],
  after: readonly unknown[],
): void {
  const nodes = document.getIn(path, true)
  if (!isSeq(nodes)) return
  const nameOf = (item: unknown) => fieldsOf(item)['name']
  const places = after.map(item => before.findIndex(old => nameOf(old) !== undefined && nameOf(old) === nameOf(item)))
  places.forEach((place, index) => {
    if (place !== -1) settle(document, [...path, place], before[place], after[index])
  })
  const items = [...nodes.items]
  nodes.items = after.map((item, index) => items[places[index] ?? -1] ?? document.createNode(item))
  if (after.length > 0) nodes.flow = false
}

function isMapping(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

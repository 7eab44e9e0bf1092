/** The text of one YAML or JSON file → the Kubernetes objects in it. Pure; a file is taken whole or not at all. */
import type { ObjectRef } from '@smi-mesh/dataplane/mesh'
import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  visit,
  type Document as YamlDocument,
} from 'yaml'
import { type Document, identify, isDocument } from './identify.ts'
import type { SourceProblem } from './source.ts'

export interface FileObject {
  readonly ref: ObjectRef
  readonly object: Document
  /** Without the namespace that nobody wrote. */
  readonly written: Document
  /** `file:line`. */
  readonly origin: string
}

export type ParsedFile =
  | { readonly kind: 'ok'; readonly objects: readonly FileObject[] }
  | { readonly kind: 'rejected'; readonly problems: readonly SourceProblem[] }

/** More than this many aliases that lead to copies is an attack or a mistake, never a manifest. */
export const MAX_ALIASES = 100
const MAX_PROBLEMS = 20

/** The parser compares every key of a mapping with every other: half a minute for twenty thousand. We look for ourselves. */
const PARSING = { merge: true, logLevel: 'silent', prettyErrors: false, uniqueKeys: false } as const

/** All objects of a file, lists flattened; or why it cannot be used, with line and column. */
export function parseFile(file: string, text: string): ParsedFile {
  const lines = new LineCounter()
  try {
    const found = parseAllDocuments(text, { ...PARSING, lineCounter: lines })
    const documents: readonly YamlDocument.Parsed[] = Array.isArray(found) ? found : []
    const syntax = documents.flatMap(document => [
      ...document.errors.map(({ pos, message }) => ({ offset: pos[0], message })),
      ...repeatedKeys(document),
    ])
    if (syntax.length > 0) {
      return rejected(
        syntax.map(({ offset, message }) => problemAt(file, place(lines, offset), syntaxMessage(message))),
      )
    }
    return collect(file, documents, lines)
  } catch (error) {
    // The parser gives up by throwing where a document nests too deep or unfolds too far.
    return rejected([problemAt(file, '', unreadableMessage(error))])
  }
}

function collect(file: string, documents: readonly YamlDocument.Parsed[], lines: LineCounter): ParsedFile {
  const objects: FileObject[] = []
  const problems: SourceProblem[] = []
  for (const document of documents) {
    if (document.contents === null) continue
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    if (value === null) continue
    for (const item of flatten(value, document.contents)) {
      const line = lines.linePos(item.offset).line
      const found = identify(item.value)
      if (found.kind === 'object') {
        const { ref, object, written } = found
        objects.push({ ref, object, written, origin: `${file}:${line}` })
      } else {
        const where = [`line ${line}`, found.field].filter(part => part !== '').join(', ')
        problems.push(problemAt(file, where, found.message))
      }
    }
  }
  return problems.length > 0 ? rejected(problems) : { kind: 'ok', objects }
}

interface Mistake {
  readonly offset: number
  readonly message: string
}

/** Keys that a mapping has twice. */
function repeatedKeys(document: YamlDocument.Parsed): readonly Mistake[] {
  const found: Mistake[] = []
  visit(document, {
    Map: (_key, map) => {
      const keys = new Set<unknown>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        if (keys.has(key.value)) found.push({ offset: key.range?.[0] ?? 0, message: 'Map keys must be unique' })
        keys.add(key.value)
      }
    },
  })
  return found
}

interface Item {
  readonly value: unknown
  readonly offset: number
}

/** The items of a `List` or of a typed list, of any depth; anything else is itself. */
function flatten(value: unknown, node: ParsedNode): readonly Item[] {
  const itself = { value, offset: node.range[0] }
  if (!isDocument(value) || typeof value['kind'] !== 'string' || !value['kind'].endsWith('List')) return [itself]
  const { items } = value
  if (items === null) return [] // as Go writes a list of nothing
  if (!Array.isArray(items)) return [itself]
  const kind = value['kind'].slice(0, -'List'.length)
  const nodes = isMap(node) ? node.get('items', true) : undefined
  return items.flatMap((item: unknown, index) => {
    const at = isSeq(nodes) ? nodes.items[index] : undefined
    // A typed list (`ServiceList`) may leave out what its own kind says.
    const typed = kind !== '' && isDocument(item) ? { apiVersion: value['apiVersion'], kind, ...item } : item
    return flatten(typed, isParsed(at) ? at : node)
  })
}

function isParsed(node: unknown): node is ParsedNode {
  return isNode(node) && Array.isArray(node.range)
}

function rejected(problems: readonly SourceProblem[]): ParsedFile {
  return { kind: 'rejected', problems: problems.slice(0, MAX_PROBLEMS) }
}

function problemAt(file: string, where: string, message: string): SourceProblem {
  return { file, where, message }
}

function place(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `line ${line}, column ${col}`
}

function syntaxMessage(message: string): string {
  return `This is no YAML: ${sentence(message)} Correct it.`
}

/** Why the parser gave up. */
export function unreadableMessage(error: unknown): string {
  if (error instanceof ReferenceError) {
    return 'The aliases of this file unfold too far. Write the values out.'
  }
  const detail = error instanceof Error ? sentence(error.message) : ''
  return `This file cannot be read as YAML. ${detail} Split or simplify it.`
}

function sentence(text: string): string {
  const line = text.split('\n', 1)[0]?.trim().replace(/:$/, '') ?? ''
  return line === '' || line.endsWith('.') ? line : `${line}.`
}

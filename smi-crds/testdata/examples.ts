/** The files of examples/, read for tests. */

import { readdirSync, readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { isSmi } from '../src/identify.ts'

export interface Example {
  /** Relative to examples/. */
  readonly file: string
  readonly objects: readonly unknown[]
}

const folder = new URL('../examples/', import.meta.url)

export function readExamples(): readonly Example[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.yaml'))
  return files.sort().map(file => ({ file, objects: objectsOf(readFileSync(new URL(file, folder), 'utf8')) }))
}

function objectsOf(text: string): readonly unknown[] {
  return parseAllDocuments(text).map(document => document.toJS() as unknown)
}

/** The SMI objects of one file. */
export function smiObjects(file: string): readonly unknown[] {
  const example = readExamples().find(each => each.file === file)
  if (example === undefined) throw new Error(`examples/ has no file ${file}`)
  return example.objects.filter(isSmi)
}

/** The sentences of the SMI texts, as `conformance/spec` lists them: those that cases cover, and those that nothing could contradict. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { fields, list, text } from './oracle/read.ts'
import type { RawObject } from './world.ts'

export interface Sentence {
  readonly id: string
  /** `traffic-split`. */
  readonly of: string
  /** The versions whose text has it, oldest first. */
  readonly versions: readonly string[]
  readonly quote: string
}

export interface Unchecked extends Omit<Sentence, 'id'> {
  readonly reason: string
}

export interface SpecText {
  readonly sentences: readonly Sentence[]
  readonly unchecked: readonly Unchecked[]
}

const VERSIONS = ['v1alpha1', 'v1alpha2', 'v1alpha3', 'v1alpha4']

export function readSpec(folder: string): SpecText {
  const texts = readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .sort()
    .map(name => readText(fields(parse(readFileSync(join(folder, name), 'utf8')))))
  return {
    sentences: texts.flatMap(({ sentences }) => sentences),
    unchecked: texts.flatMap(({ unchecked }) => unchecked),
  }
}

function readText(document: RawObject): SpecText {
  const of = text(document['text'])
  const quoted = (entry: RawObject) => ({ of, versions: range(text(entry['versions'])), quote: text(entry['quote']) })
  return {
    sentences: list(document['sentences'])
      .map(fields)
      .map(entry => ({ id: text(entry['id']), ...quoted(entry) })),
    unchecked: list(document['unchecked'])
      .map(fields)
      .flatMap(({ reason, quotes }) =>
        list(quotes)
          .map(fields)
          .map(entry => ({ reason: text(reason), ...quoted(entry) })),
      ),
  }
}

/** `v1alpha2..v1alpha4`, or one version alone. */
function range(written: string): readonly string[] {
  const [first = '', last = first] = written.split('..')
  return VERSIONS.slice(VERSIONS.indexOf(first), VERSIONS.indexOf(last) + 1)
}

/**
 * Sentences of a text in Markdown, and whether the list in `conformance/spec` has them all: for whoever has a checkout of the
 * SMI specification at hand.
 *
 *     node conformance/src/spec-text.ts <checkout of smi-spec>
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSpec, type SpecText } from './spec.ts'

const TEXTS = ['access', 'metrics', 'specs', 'split']
const VERSIONS = ['v1alpha1', 'v1alpha2', 'v1alpha3', 'v1alpha4']
/** Not sentences: headings, images, what the text says about itself, and the frame of a table. */
const NO_SENTENCE = /^#|^!\[|^\*\*(?:API|Compatible|Version)|^\|(?: source|[ -]*-)/i

/** The sentences of a text, without code blocks and links. */
export function sentencesOf(markdown: string): readonly string[] {
  const paragraphs: string[][] = [[]]
  for (const line of markdown.replace(/^\s*```[\s\S]*?^\s*```/gm, '\n').split('\n')) {
    if (line.trim() === '' || NO_SENTENCE.test(line)) paragraphs.push([])
    else if (/^\s*(?:[-*]|\d+\.)\s|^\|/.test(line)) paragraphs.push([line.replace(/^\s*(?:[-*]|\d+\.)\s+/, '').trim()])
    else paragraphs.at(-1)?.push(line.trim())
  }
  return paragraphs
    .map(lines => lines.join(' ').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'))
    .flatMap(paragraph => paragraph.split(/(?<=[.!?:])\s+(?=[A-Z`*])/))
    .map(sentence => sentence.trim())
    .filter(sentence => sentence !== '')
}

/** Sentences of a text that the list lacks. */
export function missingFrom(spec: SpecText, of: string, version: string, markdown: string): readonly string[] {
  const listed = [...spec.sentences, ...spec.unchecked]
    .filter(entry => entry.of === of && entry.versions.includes(version))
    .map(({ quote }) => quote)
  return sentencesOf(markdown).filter(sentence => !listed.some(quote => quote.includes(sentence)))
}

function main([checkout = '']: readonly string[]): void {
  if (!existsSync(join(checkout, 'apis')))
    throw new Error(`${checkout || 'Nothing'} is no checkout of smi-spec: name its folder.`)
  const spec = readSpec(join(import.meta.dirname, '../spec'))
  const missing = TEXTS.flatMap(name =>
    VERSIONS.flatMap(version => {
      const of = `traffic-${name}`
      const file = join(checkout, 'apis', of, version, `${of}.md`)
      const found = existsSync(file) ? missingFrom(spec, of, version, readFileSync(file, 'utf8')) : []
      return found.map(sentence => `${of} ${version}: ${sentence}`)
    }),
  )
  for (const line of missing) console.log(line)
  console.log(`${missing.length} sentences are not listed.`)
  process.exitCode = missing.length === 0 ? 0 : 1
}

if (import.meta.main) main(process.argv.slice(2))

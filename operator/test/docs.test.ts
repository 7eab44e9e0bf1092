/** Everything a page shows is true: objects are accepted, commands are understood and print what is shown, links lead somewhere. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  complaints,
  helpExamples,
  makeTargets,
  misunderstood,
  pages,
  ROOT,
  ran,
  shopAddresses,
} from './documentation.ts'
import type { Fence, Page } from './markdown.ts'
import { isShown, type ShownCommand, shownCommands } from './shell-block.ts'

const PAGES = pages()
/** Commands that answer and end: they are run. All others are held against their options alone. */
const ONE_SHOT = new Set(['can', 'translate', 'validate', 'convert', 'explain', 'version', 'completion'])
/** Programs of the reader's system. */
const FOREIGN = new Set([
  'cat',
  'cd',
  'cp',
  'curl',
  'diff',
  'docker',
  'envoy',
  'export',
  'for',
  'git',
  'grep',
  'helm',
  'kill',
  'kubectl',
  'ls',
  'node',
  'npm',
  'npx',
  'source',
])
const USAGE = 2

const isShell = ({ language }: Fence) => language === 'sh' || language === 'console'
const isYaml = ({ language }: Fence) => language === 'yaml'

/** A folder in which the commands of a page find what they name: the repository's folders, and files that the page shows. */
function folderOf(page: Page): string {
  const folder = mkdtempSync(join(tmpdir(), 'smi-docs-'))
  for (const name of ['operator', 'smi-crds', 'conformance', 'dataplane'])
    symlinkSync(join(ROOT, name), join(folder, name))
  // What the help of each command calls its folder.
  symlinkSync(join(ROOT, 'operator/examples/shop'), join(folder, 'shop'))
  page.fences.filter(isYaml).forEach((fence, index) => {
    writeFileSync(join(folder, fileOf(fence, index)), fence.text)
  })
  return folder
}

function fileOf({ words }: Fence, index: number): string {
  return words.find(word => word.startsWith('file='))?.slice('file='.length) ?? `block-${index}.yaml`
}

for (const [path, page] of PAGES) {
  const commands = page.fences.filter(isShell).flatMap(shownCommands)
  if (page.fences.some(isYaml) || commands.length > 0) describe(path, () => examplesOf(page, commands))
}

function examplesOf(page: Page, commands: readonly ShownCommand[]): void {
  const home = process.cwd()
  let folder = ''
  before(() => {
    folder = folderOf(page)
    process.chdir(folder)
  })
  after(() => {
    process.chdir(home)
    rmSync(folder, { recursive: true })
  })
  page.fences.filter(isYaml).forEach((fence, index) => {
    const isBad = fence.words.includes('bad')
    test(`the objects of line ${fence.line} are ${isBad ? 'complained about' : 'accepted and do what they say'}`, () => {
      const found = complaints(fileOf(fence, index))
      if (isBad) assert.notDeepEqual(found, [], 'Nothing is wrong with this example of something wrong.')
      else assert.deepEqual(found, [])
    })
  })
  for (const command of commands) test(`line ${command.line}: ${command.text}`, () => isTrue(command))
}

async function isTrue({ words, output, text }: ShownCommand): Promise<void> {
  const real = shopAddresses()
  for (const [address] of text.matchAll(/\b127\.[1-9]\d*\.0\.[12]:\d+/g))
    assert.ok(real.has(address), `${address} is nobody's.`)
  const [program = '', ...args] = words
  if (program === 'make') return assert.ok(makeTargets().has(args[0] ?? 'help'), `make has no target ${args[0]}.`)
  if (!/(^|\/)smictl$/.test(program))
    return assert.ok(FOREIGN.has(program), `${program} is no program that is known here.`)
  assert.ok(program === 'smictl' || existsSync(program), `${program} does not exist.`)
  assert.equal(await misunderstood(args), undefined)
  if (!ONE_SHOT.has(args[0] ?? '')) return
  const { printed, code } = await ran(args)
  assert.notEqual(code, USAGE, printed)
  if (output !== undefined) assert.ok(isShown(output, printed), `It prints:\n${printed}`)
}

describe('examples of --help', () => {
  for (const { text, words } of helpExamples()) {
    test(text, async () => assert.equal(await misunderstood(words), undefined))
  }
})

describe('links', () => {
  for (const [path, page] of PAGES) {
    test(`the links of ${path} lead somewhere`, () =>
      assert.deepEqual(
        page.links.flatMap(link => broken(path, link.target)),
        [],
      ))
  }
})

/** A link within the repository that leads nowhere. What is elsewhere is not looked at. */
function broken(from: string, target: string): readonly string[] {
  if (/^[a-z]+:/.test(target)) return []
  const [file = '', anchor] = target.split('#')
  const path = file === '' ? from : normalize(join(dirname(from), decodeURIComponent(file)))
  if (path.startsWith('..') || !existsSync(join(ROOT, path))) return [`${target}: there is no such file`]
  if (anchor === undefined || !statSync(join(ROOT, path)).isFile()) return []
  return PAGES.get(path)?.anchors.has(anchor) === true ? [] : [`${target}: there is no such heading`]
}

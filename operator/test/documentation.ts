/** Every page of the repository, and the mesh its examples are tried in. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { DEFAULT_MESH_CONFIG, refText } from '@smi-mesh/dataplane/mesh'
import { isSmi, review } from '@smi-mesh/smi-crds'
import { type CommandTree, commandTree } from '../src/cli/command-tree.ts'
import type { ExitCode } from '../src/cli/exit-code.ts'
import { smictl } from '../src/cli/program.ts'
import { run } from '../src/cli/run.ts'
import type { World } from '../src/cli/world.ts'
import { reasonEntry } from '../src/compile/index.ts'
import { readFiles } from '../src/sources/index.ts'
import type { SourceChange } from '../src/sources/source.ts'
import { CLUSTER_PLAN, expandAsReady, LOOPBACK_PLAN } from '../src/standalone/expand.ts'
import { translate } from '../src/translate.ts'
import { type Page, readPage } from './markdown.ts'
import { shellWords } from './shell-block.ts'

export const ROOT = join(import.meta.dirname, '../..')
const SHOP = join(ROOT, 'operator/examples/shop')
const SKIPPED = new Set(['node_modules', '.git', '.tools', 'bench-results'])

/** All Markdown files, by their path from the root of the repository. */
export function pages(): ReadonlyMap<string, Page> {
  return new Map(markdownIn(ROOT).map(path => [relative(ROOT, path), readPage(readFileSync(path, 'utf8'))]))
}

function markdownIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : markdownIn(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

/** What is wrong with the objects of a file, put into the shop in the place of those of the same name. */
export function complaints(file: string): readonly string[] {
  const { objects, problems } = readFiles([file])
  const own = new Set(objects.map(({ ref }) => refText(ref)))
  const others = readFiles([SHOP]).objects.filter(({ ref }) => !own.has(refText(ref)))
  const { findings } = translate(expandAsReady([...others, ...objects], CLUSTER_PLAN), DEFAULT_MESH_CONFIG)
  return [
    ...problems.map(({ where, message }) => `${where}: ${message}`),
    ...objects.flatMap(schemaComplaints),
    ...findings
      .filter(({ about, reason }) => own.has(refText(about)) && reasonEntry(reason).effect === 'fails')
      .map(({ about, message }) => `${refText(about)}: ${message}`),
  ]
}

function schemaComplaints({ ref, object }: SourceChange): readonly string[] {
  return isSmi(object) ? review(object).problems.map(({ message }) => `${refText(ref)}: ${message}`) : []
}

/** Where pods of the shop answer and where their applications listen, as `smictl up` would place them: `127.4.0.1:8080`. */
export function shopAddresses(): ReadonlySet<string> {
  const { mesh } = translate(expandAsReady(readFiles([SHOP]).objects, LOOPBACK_PLAN), DEFAULT_MESH_CONFIG)
  const answered = [...mesh.endpoints.entries()].flatMap(([, { endpoints }]) =>
    endpoints.map(({ ip, port }) => `${ip}:${port}`),
  )
  return new Set([...answered, ...answered.map(address => address.replace('.0.1:', '.0.2:'))])
}

/** What a command prints, results and complaints in the order in which they come, and what it answers to the shell. */
export async function ran(words: readonly string[]): Promise<{ readonly printed: string; readonly code: ExitCode }> {
  let printed = ''
  const code = await run(
    words,
    worldWriting(text => {
      printed += text
    }),
  )
  return { printed, code }
}

/** Whether the command line would understand these words; what it says where it would not. Nothing is done. */
export async function misunderstood(words: readonly string[]): Promise<string | undefined> {
  let said = ''
  const world = worldWriting(text => {
    said += text
  })
  const program = smictl({ ...world, finish: () => {} })
  for (const command of program.commands) command.action(() => {})
  try {
    await program.parseAsync([...words], { from: 'user' })
    return undefined
  } catch {
    return said
  }
}

/** All commands, as the reference is made from them. */
export function commands(): CommandTree {
  return commandTree(smictl({ ...worldWriting(() => {}), finish: () => {} }))
}

/** The examples that the help of each command ends with. */
export function helpExamples(): readonly { readonly text: string; readonly words: readonly string[] }[] {
  return commands().commands.flatMap(({ epilogue }) =>
    [...epilogue.matchAll(/^ {2}smictl (.*)$/gm)].map(([text, rest = '']) => ({
      text: text.trim(),
      words: shellWords(rest),
    })),
  )
}

function worldWriting(write: (text: string) => void): Omit<World, 'finish'> {
  const version: unknown = JSON.parse(readFileSync(join(ROOT, 'operator/package.json'), 'utf8'))
  return {
    write,
    complain: write,
    terminal: { isInteractive: false, columns: 120, rows: 40 },
    env: {},
    ended: AbortSignal.abort(),
    installation: join(ROOT, 'operator'),
    node: process.execPath,
    temporary: '/nowhere',
    pid: process.pid,
    uid: process.getuid?.() ?? 0,
    version: typeof version === 'object' && version !== null && 'version' in version ? String(version.version) : '',
    clock: Date.now,
    now: () => performance.now(),
  }
}

/** The targets of the Makefile. */
export function makeTargets(): ReadonlySet<string> {
  const text = readFileSync(join(ROOT, 'Makefile'), 'utf8')
  return new Set([...text.matchAll(/^([a-z][a-z-]*):/gm)].map(([, name = '']) => name))
}

/** What the commands that answer and end look at: objects of files, completed as if everything ran, with complaints about the rest. */
import { type MeshConfig, refText } from '@smi-mesh/dataplane/mesh'
import { readFiles } from '../sources/index.ts'
import type { SourceChange, SourceProblem } from '../sources/source.ts'
import { type AddressPlan, CLUSTER_PLAN, expandAsReady } from '../standalone/expand.ts'
import { type Translation, translate } from '../translate.ts'
import type { World } from './world.ts'

export interface Looked {
  readonly translation: Translation
  readonly problems: readonly SourceProblem[]
  /** `file:line` of an object, by the text of its reference. */
  readonly origins: ReadonlyMap<string, string>
}

/** Reads and translates; problems of files are told at once, and what is good is used. */
export function look(
  world: World,
  paths: readonly string[],
  config: MeshConfig,
  plan: AddressPlan = CLUSTER_PLAN,
): Looked {
  const { objects, problems } = readFiles(paths)
  complainAbout(world, problems)
  const expanded = expandAsReady(objects, plan)
  return { translation: translate(expanded, config), problems, origins: originsOf(objects) }
}

export function complainAbout(world: World, problems: readonly SourceProblem[]): void {
  for (const problem of problems) world.complain(`${problemText(problem)}\n`)
}

/** `shop/policy.yaml, line 12, column 3: This is no YAML: …` */
export function problemText({ file, where, message }: SourceProblem): string {
  return `${where === '' ? file : `${file}, ${where}`}: ${message}`
}

function originsOf(objects: readonly SourceChange[]): ReadonlyMap<string, string> {
  return new Map(objects.map(({ ref, origin }) => [refText(ref), origin]))
}

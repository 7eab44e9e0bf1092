/** `smictl convert`: SMI objects in another version of their API, without loss. */
import { refText } from '@smi-mesh/dataplane/mesh'
import { convert, decode, isSmi, KINDS } from '@smi-mesh/smi-crds'
import { Command, InvalidArgumentError, Option } from 'commander'
import { stringify } from 'yaml'
import { readFiles } from '../sources/index.ts'
import { at } from '../standalone/fields.ts'
import { ExitCode } from './exit-code.ts'
import { complainAbout } from './objects.ts'
import type { World } from './world.ts'

interface ConvertOptions {
  readonly to: string
  readonly output: 'yaml' | 'json'
}

export function convertCommand(world: World): Command {
  return new Command('convert')
    .summary('SMI objects in another version of their API')
    .description(
      'Prints the SMI objects of the files in another version. What that version cannot hold waits in annotations, so that\n' +
        'converting back gives the object as it was. Objects of other groups than the one of --to are printed as they are.',
    )
    .argument('<path...>', 'folders or files of Kubernetes YAML, or - for standard input')
    .addOption(
      new Option('-t, --to <version>', '`split.smi-spec.io/v1alpha4`, or `v1alpha4` for all groups')
        .argParser(knownVersion)
        .makeOptionMandatory(),
    )
    .addOption(new Option('-o, --output <format>', 'how to print the result').choices(['yaml', 'json']).default('yaml'))
    .addHelpText(
      'after',
      `
Examples:
  smictl convert --to split.smi-spec.io/v1alpha1 split.yaml
  smictl convert --to v1alpha4 old/ > new.yaml

Exit status: 0 converted, 1 some objects could not be converted (they are named and left out) or mean nothing (they are
named, and printed with what is wrong in them), 2 not understood.`,
    )
    .action((paths: readonly string[], { to, output }: ConvertOptions) => {
      const { objects, problems } = readFiles(paths)
      complainAbout(world, problems)
      if (!objects.some(({ written }) => isSmi(written) && isMeant(written, to)))
        world.complain(`There is no SMI object for ${to} here: nothing was converted.\n`)
      let isWhole = problems.length === 0
      const converted: unknown[] = []
      for (const { ref, written, origin } of objects) {
        if (!isSmi(written) || !isMeant(written, to)) {
          converted.push(written)
          continue
        }
        const result = convert(written, to)
        if (result.kind === 'converted') converted.push(result.object)
        for (const message of result.kind === 'converted' ? senseless(written) : [result.problem.message]) {
          isWhole = false
          world.complain(`${origin}: ${refText(ref)}: ${message}\n`)
        }
      }
      world.write(
        output === 'json'
          ? jsonOf(converted)
          : converted.map(object => stringify(object, { lineWidth: 0 })).join('---\n'),
      )
      world.finish(isWhole ? ExitCode.ok : ExitCode.found)
    })
}

/** Why an object means nothing in any version; empty where it means something. */
function senseless(object: unknown): readonly string[] {
  const decoded = decode(object)
  return decoded.kind === 'ok' ? [] : decoded.problems.map(({ path, message }) => `${path}: ${message}`)
}

function knownVersion(to: string): string {
  const groups = [...new Set(KINDS.map(({ group }) => group))]
  const slash = to.indexOf('/')
  const group = to.slice(0, slash)
  if (slash === -1 || groups.some(known => known === group)) return to
  throw new InvalidArgumentError(
    `No kind of SMI is of the group "${group}"; write ${groups.slice(0, -1).join(', ')} or ${groups.at(-1)}.`,
  )
}

/** Whether a version speaks of the group of an object. */
function isMeant(object: unknown, to: string): boolean {
  const slash = to.indexOf('/')
  const apiVersion = at(object, 'apiVersion')
  return slash === -1 || (typeof apiVersion === 'string' && apiVersion.startsWith(to.slice(0, slash + 1)))
}

function jsonOf(objects: readonly unknown[]): string {
  const [only] = objects
  const value = objects.length === 1 ? only : { apiVersion: 'v1', kind: 'List', items: objects }
  return `${JSON.stringify(value, null, 2)}\n`
}

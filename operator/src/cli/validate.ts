/** `smictl validate`: whether files are right, as the API would judge each object and as the mesh would understand all of them. */
import { refText } from '@smi-mesh/dataplane/mesh'
import { isSmi, review } from '@smi-mesh/smi-crds'
import { Command } from 'commander'
import { reasonEntry } from '../compile/index.ts'
import { readFiles } from '../sources/index.ts'
import type { SourceChange, SourceProblem } from '../sources/source.ts'
import { CLUSTER_PLAN, expandAsReady } from '../standalone/expand.ts'
import { translate } from '../translate.ts'
import { ExitCode } from './exit-code.ts'
import { type MeshOptions, meshConfig, type OutputOptions, withMeshOptions, withOutput } from './options.ts'
import { counted, print, renderTable } from './output.ts'
import type { World } from './world.ts'

/** One thing to be said about a file. `error`: it will not do what it says. `warning`: it will, but look. */
export interface Remark {
  readonly severity: 'error' | 'warning'
  /** `file:line`, or as near as is known. */
  readonly at: string
  /** Empty where a file as a whole is meant. */
  readonly object: string
  readonly field: string
  /** The rule or the reason. */
  readonly rule: string
  readonly message: string
}

interface ValidateOptions extends MeshOptions, OutputOptions {
  readonly references: boolean
}

export function validateCommand(world: World): Command {
  const command = new Command('validate')
    .summary('is your YAML right')
    .description(
      'Checks files: YAML, the schema of every SMI object in every version, and, unless --no-references is given, whether what\n' +
        'the objects refer to exists in the same files.',
    )
    .argument('<path...>', 'folders or files of Kubernetes YAML, or - for standard input')
    .option('--no-references', 'judge every object alone')
  withOutput(withMeshOptions(command))
  return command
    .addHelpText(
      'after',
      `
Examples:
  smictl validate shop
  smictl validate --no-references split.yaml
  smictl validate -o json shop

Exit status: 0 nothing is wrong (there may be warnings), 1 something is, 2 not understood.`,
    )
    .action((paths: readonly string[], options: ValidateOptions) => {
      const { objects, problems } = readFiles(paths)
      const alone = [...problems.map(ofSource), ...objects.flatMap(ofSchema)]
      const remarks = options.references ? [...alone, ...ofMeaning(objects, options, alone)] : alone
      world.write(print(options.output, remarks, () => renderRemarks(remarks)))
      const errors = remarks.filter(({ severity }) => severity === 'error').length
      const sums = [
        counted(objects.length, 'object'),
        counted(errors, 'error'),
        counted(remarks.length - errors, 'warning'),
      ]
      world.complain(`${sums.join(', ')}\n`)
      world.finish(errors > 0 ? ExitCode.found : ExitCode.ok)
    })
}

function ofSource({ file, where, message }: SourceProblem): Remark {
  return {
    severity: 'error',
    at: where === '' ? file : `${file}, ${where}`,
    object: '',
    field: '',
    rule: 'unreadable',
    message,
  }
}

/** What an API server with our schemas and webhooks would say. */
export function ofSchema({ ref, object, origin }: SourceChange): readonly Remark[] {
  if (!isSmi(object)) return []
  const { problems, warnings } = review(object)
  const remark = (severity: Remark['severity']) => (problem: (typeof problems)[number]) => ({
    severity,
    at: origin,
    object: refText(ref),
    field: problem.path,
    rule: problem.rule,
    message: problem.message,
  })
  return [...problems.map(remark('error')), ...warnings.map(remark('warning'))]
}

/** What the compiler would say, apart from what the schema has said of the same object already. */
function ofMeaning(objects: readonly SourceChange[], options: MeshOptions, said: readonly Remark[]): readonly Remark[] {
  const origins = new Map(objects.map(({ ref, origin }) => [refText(ref), origin]))
  const fields = new Set(said.map(({ object, field }) => `${object} ${field}`))
  const { findings } = translate(expandAsReady(objects, CLUSTER_PLAN), meshConfig(options))
  return findings
    .filter(({ about, field }) => !fields.has(`${refText(about)} ${field}`))
    .map(({ about, reason, field, message }) => ({
      severity: reasonEntry(reason).effect === 'fails' ? 'error' : 'warning',
      at: origins.get(refText(about)) ?? '',
      object: refText(about),
      field,
      rule: reason,
      message,
    }))
}

function renderRemarks(remarks: readonly Remark[]): string {
  return renderTable({
    columns: ['WHERE', '', 'OBJECT', 'FIELD', 'WHAT'],
    rows: remarks.map(({ severity, at, object, field, message }) => [
      at,
      severity,
      object === '' ? '-' : object,
      field === '' ? '-' : field,
      message,
    ]),
  })
}

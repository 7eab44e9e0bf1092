/** `smictl translate`: what the mesh makes of YAML, at each stage of the pipeline. */
import type { WorkloadKey } from '@smi-mesh/dataplane/mesh'
import { Command, InvalidArgumentError, Option } from 'commander'
import { envoyConfig, printableMesh } from '../printable.ts'
import { CLUSTER_PLAN, LOOPBACK_PLAN } from '../standalone/expand.ts'
import { statusOf } from '../status/index.ts'
import type { Translation } from '../translate.ts'
import { ExitCode } from './exit-code.ts'
import { look } from './objects.ts'
import {
  type FilesOptions,
  type MeshOptions,
  meshConfig,
  type OutputOptions,
  withFiles,
  withMeshOptions,
  withOutput,
} from './options.ts'
import { print } from './output.ts'
import type { World } from './world.ts'

const STAGES = ['mesh', 'status', 'envoy'] as const

interface TranslateOptions extends FilesOptions, MeshOptions, OutputOptions {
  readonly print: (typeof STAGES)[number]
  readonly workload?: string
  readonly standalone: boolean
}

export function translateCommand(world: World): Command {
  const command = new Command('translate')
    .summary('what the mesh makes of your YAML')
    .description(
      'Compiles files once and prints a stage of the pipeline: the mesh, the status of each object, or what Envoys are given.',
    )
    .addOption(new Option('-p, --print <stage>', 'the stage to print').choices(STAGES).default('mesh'))
    .option('-w, --workload <key>', 'of `envoy`: one workload alone, by a part of its key')
    .option('--standalone', 'with the addresses of processes on this machine, as `smictl up` would', false)
  withOutput(withMeshOptions(withFiles(command)), ['yaml', 'json'])
  return command
    .addHelpText(
      'after',
      `
Examples:
  smictl translate -f shop
  smictl translate -f shop --print status
  smictl translate -f shop --print envoy --workload shop/checkout

Exit status: 0 done, 1 something in the files cannot be used, 2 not understood.`,
    )
    .action((options: TranslateOptions) => {
      const plan = options.standalone ? LOOPBACK_PLAN : CLUSTER_PLAN
      const { translation, problems } = look(world, options.files, meshConfig(options), plan)
      world.write(print(options.output, stageOf(translation, options), () => ''))
      world.finish(problems.length > 0 ? ExitCode.found : ExitCode.ok)
    })
}

function stageOf(translation: Translation, options: TranslateOptions): unknown {
  switch (options.print) {
    case 'mesh':
      return printableMesh(translation.mesh)
    case 'status':
      return statusOf(translation.subjects, translation.findings)
    case 'envoy':
      return Object.fromEntries(
        workloadsOf(translation, options.workload).map(key => [key, envoyConfig(translation, key)]),
      )
  }
}

function workloadsOf({ mesh }: Translation, part: string | undefined): readonly WorkloadKey[] {
  const all = [...mesh.workloads.keys()].sort()
  const fitting = part === undefined ? all : all.filter(key => key.includes(part))
  if (part === undefined || fitting.length > 0) return fitting
  throw new InvalidArgumentError(`No workload has "${part}" in its key. There are: ${all.join(', ') || 'none'}.`)
}

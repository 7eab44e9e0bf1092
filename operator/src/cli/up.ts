/** `smictl up`: a control plane over a folder of YAML, and the workloads of that YAML as processes of this machine. */
import { existsSync } from 'node:fs'
import { Command, Option } from 'commander'
import { MeshError } from '../mesh-error.ts'
import { findEnvoy } from '../standalone/envoy-binary.ts'
import { startStandalone } from '../standalone/up.ts'
import { ExitCode } from './exit-code.ts'
import { runMesh } from './mesh-runtime.ts'
import { type Address, type MeshOptions, meshConfig, subnets, withMeshOptions } from './options.ts'
import { personReports } from './reports.ts'
import { refuseExposure, untilEnded, withControlPlaneOptions } from './serve.ts'
import type { World } from './world.ts'

interface UpOptions extends MeshOptions {
  readonly xdsAddress: Address
  readonly adminAddress: Address
  readonly insecureXds: boolean
  readonly stateDir?: string
  readonly certTtl: number
  readonly authorityFiles?: string
  readonly logs: boolean
  readonly table: boolean
  readonly subnets: { readonly first: number; readonly last: number }
}

export function upCommand(world: World): Command {
  const command = new Command('up')
    .summary('run everything in a folder of YAML on this machine')
    .description(
      'Runs the control plane and, of every Deployment, StatefulSet, DaemonSet and Pod whose containers have a `command`, the pods\n' +
        'as processes: each with an address of its own on loopback and an Envoy before it. Follows edits of the files: traffic rules\n' +
        'at once, changed templates by starting the new pods before the old ones end. Needs no root.',
    )
    .argument('<folder>', 'the folder of Kubernetes YAML')
    .option('--logs', 'print what the applications and proxies write', false)
    .option('--no-table', 'print lines even on a terminal')
    .addOption(
      new Option('--subnets <first-last>', 'pods get 127.<first>.0.1 and so on')
        .argParser(subnets)
        .default(subnets('1-254'), '1-254'),
    )
  withControlPlaneOptions(command, '127.0.0.1:0', '127.0.0.1:0')
  return withMeshOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  smictl up shop
  smictl up shop --logs
  smictl up shop --access permissive --subnets 100-150

Exit status: 0 ended by a signal, 2 not understood, 3 no Envoy, no such folder, or an address is in use.`,
    )
    .action(async (folder: string, options: UpOptions) => {
      refuseExposure(options)
      if (!existsSync(folder))
        throw new MeshError('SourceUnavailable', `${folder} does not exist. Name a folder of YAML files.`)
      const envoy = findEnvoy({ given: world.env['ENVOY'], from: world.installation, path: world.env['PATH'] ?? '' })
      if (envoy.kind === 'missing') throw new MeshError('ProgramMissing', envoy.message)
      const standalone = await startStandalone({
        folder,
        envoy: envoy.path,
        subnets: options.subnets,
        stateDirectory: options.stateDir,
        showsLogs: options.logs,
        showsTable: options.table && world.terminal.isInteractive && !options.logs,
        world: { ...world, rows: world.terminal.rows },
        startMesh: (source, say, stateDirectory) =>
          runMesh(world, {
            source,
            say,
            stateDirectory,
            config: meshConfig(options),
            xds: options.xdsAddress,
            admin: options.adminAddress,
            isInsecure: options.insecureXds,
            certificateTtlMs: options.certTtl,
            authorityFiles: options.authorityFiles,
            reports: metrics => personReports(say, world.clock, metrics),
          }),
        xdsHost: options.xdsAddress.host,
        isInsecure: options.insecureXds,
      })
      await untilEnded(world.ended)
      await standalone.stop()
      world.finish(ExitCode.ok)
    })
}

/** `smictl explain`: from an Envoy resource, a rule or a reason to the objects behind it, and from an object to what became of it. */
import { type EnvoyResource, type ObjectRef, refText, type WorkloadKey } from '@smi-mesh/dataplane/mesh'
import { resembles } from '@smi-mesh/smi-crds'
import { Command } from 'commander'
import { type Finding, REASONS, type Reason } from '../compile/index.ts'
import type { Translation } from '../translate.ts'
import { ExitCode } from './exit-code.ts'
import { look } from './objects.ts'
import {
  type FilesOptions,
  filesOption,
  type MeshOptions,
  meshConfig,
  type OutputOptions,
  withMeshOptions,
  withOutput,
} from './options.ts'
import { print, renderTable } from './output.ts'
import type { World } from './world.ts'

interface ExplainOptions extends Partial<FilesOptions>, MeshOptions, OutputOptions {}

export interface Explanation {
  readonly resources: readonly ExplainedResource[]
  readonly objects: readonly { readonly object: string; readonly origin: string }[]
  readonly findings: readonly Finding[]
}

export interface ExplainedResource {
  readonly type: string
  readonly name: string
  readonly from: readonly string[]
  readonly workloads: readonly string[]
}

export function explainCommand(world: World): Command {
  const command = new Command('explain')
    .summary('from Envoy configuration to your objects, and back')
    .description(
      'Given the name of an Envoy resource, a rule of a denial or an access log: the objects it comes from, with file and line.\n' +
        'Given an object: the Envoy resources made from it and what is to be said about it. Given a reason: what it means.',
    )
    .argument(
      '<name>',
      '`shop/checkout:8080`, `traffictarget/shop/checkout-to-payments/payments`, `TrafficSplit shop/checkout-canary` or a reason such as `ApexNotFound`',
    )
  withOutput(withMeshOptions(command.addOption(filesOption())))
  return command
    .addHelpText(
      'after',
      `
Examples:
  smictl explain -f shop shop/checkout:8080
  smictl explain -f shop 'TrafficSplit shop/checkout-canary'
  smictl explain -f shop traffictarget/shop/checkout-to-payments/payments
  smictl explain BackendNotFound

Exit status: 0 explained, 1 nothing of this name, 2 not understood.`,
    )
    .action((name: string, options: ExplainOptions) => {
      if (isReason(name)) {
        const { condition, meaning, remedy } = REASONS[name]
        world.write(
          print(
            options.output,
            { reason: name, condition, meaning, remedy },
            () => `${name} (${condition})\n  ${meaning}\n  ${remedy}\n`,
          ),
        )
        return world.finish(ExitCode.ok)
      }
      if (options.files === undefined) {
        world.complain(`"${name}" is no reason. Of anything else, say by --files where it is written.\n`)
        return world.finish(ExitCode.usage)
      }
      const { translation, origins } = look(world, options.files, meshConfig(options))
      const explanation = explain(translation, origins, name)
      world.write(print(options.output, explanation, () => renderExplanation(explanation)))
      const isEmpty = explanation.resources.length + explanation.objects.length + explanation.findings.length === 0
      const known = () => [...origins.keys(), ...explainedResources(translation).map(one => one.name)]
      if (isEmpty) world.complain(unknown(name, known()))
      return world.finish(isEmpty ? ExitCode.found : ExitCode.ok)
    })
}

export function explain(translation: Translation, origins: ReadonlyMap<string, string>, name: string): Explanation {
  const object = objectNamed(name, origins)
  const resources = explainedResources(translation).filter(resource =>
    object === undefined ? resource.name === name : resource.from.includes(object),
  )
  const objects = new Set(object === undefined ? resources.flatMap(resource => resource.from) : [object])
  return {
    resources,
    objects: [...objects].sort().map(text => ({ object: text, origin: origins.get(text) ?? '' })),
    findings: translation.findings.filter(({ about }) => objects.has(refText(about))),
  }
}

/** `TrafficSplit shop/canary`, `trafficsplit/shop/canary`, the rule `traffictarget/shop/pay/routes` and `Namespace shop` all name an object. */
function objectNamed(name: string, origins: ReadonlyMap<string, string>): string | undefined {
  const [, kind, first, second] = /^([\w.-]+)[ /]([^/ ]+)(?:\/([^/ ]+)(?:\/.*)?)?$/.exec(name) ?? []
  if (kind === undefined || first === undefined) return undefined
  const wanted = `${kind} ${second === undefined ? first : `${first}/${second}`}`.toLowerCase()
  return [...origins.keys()].find(text => text.toLowerCase() === wanted)
}

function explainedResources(translation: Translation): readonly ExplainedResource[] {
  const found = new Map<string, { readonly resource: EnvoyResource; readonly workloads: WorkloadKey[] }>()
  for (const workload of [...translation.mesh.workloads.keys()].sort()) {
    for (const resource of translation.resources(workload)) {
      const key = `${resource.name} ${resource.type} ${resource.group}`
      const entry = found.get(key) ?? { resource, workloads: [] }
      found.set(key, entry)
      entry.workloads.push(workload)
    }
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { resource, workloads }]) => ({
      type: resource.type.slice(resource.type.lastIndexOf('.') + 1),
      name: resource.name,
      from: [...new Set(resource.from.map((ref: ObjectRef) => refText(ref)))].sort(),
      workloads,
    }))
}

function renderExplanation({ resources, objects, findings }: Explanation): string {
  const parts = [
    renderTable({
      columns: ['OBJECT', 'WRITTEN IN'],
      rows: objects.map(({ object, origin }) => [object, origin === '' ? '-' : origin]),
    }),
    renderTable({
      columns: ['ENVOY RESOURCE', 'NAME', '>WORKLOADS', 'FROM'],
      rows: resources.map(({ type, name, workloads, from }) => [type, name, String(workloads.length), from.join(', ')]),
    }),
    findings.map(({ about, reason, message }) => `! ${refText(about)} (${reason}): ${message}\n`).join(''),
  ]
  return parts.filter(part => part !== '').join('\n')
}

/** With the name that may have been meant; `kind/name` stands for `Kind name`. */
function unknown(name: string, known: readonly string[]): string {
  const plain = (text: string) => text.replace(' ', '/')
  const meant = [...Object.keys(REASONS), ...known].find(one => resembles(plain(one), plain(name)))
  const hint = meant === undefined ? '`smictl translate --print envoy` lists all names.' : `Did you mean \`${meant}\`?`
  return `Nothing is called ${name}. ${hint}\n`
}

function isReason(name: string): name is Reason {
  return Object.hasOwn(REASONS, name)
}

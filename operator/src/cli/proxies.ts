/** `smictl proxies`: which proxies are connected to a running control plane, and whether they took what they were given. */
import { Command } from 'commander'
import { at, listAt, numberAt, textAt } from '../standalone/fields.ts'
import { ExitCode } from './exit-code.ts'
import { type OutputOptions, withOutput } from './options.ts'
import { print, renderTable } from './output.ts'
import { type AdminOptions, askAdmin, placesText, withAdmin } from './running.ts'
import type { World } from './world.ts'

interface ProxiesOptions extends OutputOptions, AdminOptions {}

export function proxiesCommand(world: World): Command {
  const command = new Command('proxies')
    .summary('who is connected, and is up to date')
    .description(
      'Asks a running control plane which proxies are connected, and which of them refused something or lag behind.',
    )
  withAdmin(command)
  withOutput(command)
  return command
    .addHelpText(
      'after',
      `
Examples:
  smictl proxies
  smictl proxies --admin-address 127.0.0.1:15014 -o json
  kubectl -n smi-mesh exec deployment/smi-mesh -- smictl proxies

Exit status: 0 all proxies took what they were given, 1 one refused something, 2 not understood, 3 nobody answered.`,
    )
    .action(async (options: ProxiesOptions) => {
      const answer = await askAdmin(options.adminAddress, '/debug/proxies')
      const proxies: readonly unknown[] | undefined = Array.isArray(answer) ? answer : undefined
      if (proxies === undefined) {
        world.complain(
          `No control plane answers at ${placesText(options)}. Start one with \`smictl serve\`, or name the address that \`smictl up\` said with --admin-address.\n`,
        )
        return world.finish(ExitCode.operational)
      }
      world.write(print(options.output, proxies, () => renderProxies(proxies)))
      return world.finish(proxies.some(hasRejected) ? ExitCode.found : ExitCode.ok)
    })
}

function hasRejected(proxy: unknown): boolean {
  return listAt(proxy, 'types').some(type => listAt(type, 'rejections').length > 0)
}

function renderProxies(proxies: readonly unknown[]): string {
  return renderTable({
    columns: ['PROXY', 'WORKLOAD', '>REVISION', 'STATE'],
    rows: proxies.map(proxy => [
      textAt(proxy, 'node.id') ?? '-',
      textAt(proxy, 'scope') ?? '-',
      String(numberAt(proxy, 'current') ?? '-'),
      hasRejected(proxy) ? 'refused something' : at(proxy, 'lagging') === true ? 'lags' : 'up to date',
    ]),
  })
}

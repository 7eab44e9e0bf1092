/** `smictl certificates`: when the certificates of a running mesh expire, and which of them nobody has renewed in time. */
import { Command } from 'commander'
import { listAt, textAt } from '../standalone/fields.ts'
import { ExitCode } from './exit-code.ts'
import { type OutputOptions, withOutput } from './options.ts'
import { print, renderTable } from './output.ts'
import { type AdminOptions, askAdmin, placesText, withAdmin } from './running.ts'
import type { World } from './world.ts'

interface CertificatesOptions extends OutputOptions, AdminOptions {}

/** What a person has to see to. */
const ALARMING: readonly string[] = ['overdue', 'expired', 'missing']

export function certificatesCommand(world: World): Command {
  const command = new Command('certificates')
    .summary('which certificates expire when')
    .description(
      'Asks a running control plane for every certificate of the mesh: roots, its own, and those of the identities in use, each with\n' +
        'its end. What is `overdue` has a third of its life left at the most and was not renewed: something is wrong. In a cluster,\n' +
        'run it in the pod of the operator, or forward port 15016 of that pod. No key is shown.',
    )
  withAdmin(command)
  withOutput(command)
  return command
    .addHelpText(
      'after',
      `
Examples:
  smictl certificates
  smictl certificates --admin-address 127.0.0.1:15014 -o json
  kubectl -n smi-mesh exec deployment/smi-mesh -- smictl certificates

Exit status: 0 all are renewed in time, 1 one is overdue, expired or missing, 2 not understood, 3 nobody answered.`,
    )
    .action(async (options: CertificatesOptions) => {
      const answer = await askAdmin(options.adminAddress, '/debug/certificates')
      if (textAt(answer, 'at') === undefined) {
        world.complain(
          `No control plane that knows of certificates answers at ${placesText(options)}. Start one with \`smictl serve\`, or correct --admin-address.\n`,
        )
        return world.finish(ExitCode.operational)
      }
      world.write(print(options.output, answer, () => renderCertificates(answer)))
      return world.finish(listAt(answer, 'certificates').some(isAlarming) ? ExitCode.found : ExitCode.ok)
    })
}

function isAlarming(certificate: unknown): boolean {
  return ALARMING.includes(textAt(certificate, 'state') ?? '')
}

function renderCertificates(answer: unknown): string {
  const now = Date.parse(textAt(answer, 'at') ?? '')
  return renderTable({
    columns: ['KIND', 'NAME', 'EXPIRES', '>LEFT', 'STATE'],
    rows: listAt(answer, 'certificates').map(certificate => {
      const expires = textAt(certificate, 'expires')
      const role = textAt(certificate, 'role')
      const kind = textAt(certificate, 'kind') ?? '-'
      return [
        role === undefined ? kind : `${kind} (${role})`,
        textAt(certificate, 'name') ?? '-',
        expires ?? '-',
        expires === undefined ? '-' : left(Date.parse(expires) - now),
        textAt(certificate, 'state') ?? '-',
      ]
    }),
  })
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** `364d`, `11h`, `0s`: rounded down, for what matters is that so much is left for certain. */
function left(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= 2 * size) ?? ['s', 1_000]
  return `${Math.max(0, Math.floor(ms / size))}${unit}`
}

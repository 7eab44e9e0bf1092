/** Commands that ask a control plane that runs: where it answers, and what. */
import { type Command, Option } from 'commander'
import { ask } from '../standalone/readiness.ts'
import { type Address, address, addressText } from './options.ts'

export const DEFAULT_ADMIN = '127.0.0.1:15014'
/** Of `smi-mesh operator`, in its own pod and where its port is forwarded under the same number. */
export const OPERATOR_ADMIN = '127.0.0.1:15016'

export interface AdminOptions {
  /** Where to ask, one after the other. */
  readonly adminAddress: readonly Address[]
}

export function withAdmin(command: Command): Command {
  return command.addOption(
    new Option('--admin-address <host:port>', 'the admin side of `smictl serve`, `smictl up` or an operator')
      .argParser(text => [address(text)])
      .default([DEFAULT_ADMIN, OPERATOR_ADMIN].map(address), `${DEFAULT_ADMIN}, then ${OPERATOR_ADMIN}`),
  )
}

/** Where was asked, for messages. */
export function placesText({ adminAddress }: AdminOptions): string {
  return adminAddress.map(addressText).join(' or ')
}

/** The JSON at a path of the first place that has it; undefined where nobody answers, or not with that. */
export async function askAdmin(places: readonly Address[], path: string): Promise<unknown> {
  for (const place of places) {
    const found = await jsonAt(place, path)
    if (found !== undefined) return found
  }
  return undefined
}

async function jsonAt({ host, port }: Address, path: string): Promise<unknown> {
  const answer = await ask({ host, port, path })
  if (answer?.status !== 200) return undefined
  try {
    const found: unknown = JSON.parse(answer.body)
    return found
  } catch {
    return undefined
  }
}

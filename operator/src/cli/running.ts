/** Commands that ask a control plane that runs: where it answers, and what. */
import { type Command, Option } from 'commander'
import { ask } from '../standalone/readiness.ts'
import { type Address, address } from './options.ts'

export const DEFAULT_ADMIN = '127.0.0.1:15014'

export interface AdminOptions {
  readonly adminAddress: Address
}

export function withAdmin(command: Command): Command {
  return command.addOption(
    new Option('--admin-address <host:port>', 'the admin side of `smictl serve`, `smictl up` or a forwarded port')
      .argParser(address)
      .default(address(DEFAULT_ADMIN), DEFAULT_ADMIN),
  )
}

/** The JSON at a path; undefined where nobody answers, or not with that. */
export async function askAdmin({ host, port }: Address, path: string): Promise<unknown> {
  const answer = await ask({ host, port, path })
  if (answer?.status !== 200) return undefined
  try {
    const found: unknown = JSON.parse(answer.body)
    return found
  } catch {
    return undefined
  }
}

/** Refuses an address of an option that cannot be listened on. */
import { listenFailure } from '../listen-failure.ts'
import { MeshError, systemCode } from '../mesh-error.ts'
import { type Address, addressText } from './options.ts'

/** Throws a MeshError that names the option to change, where nobody could listen there now. */
export async function refuseTaken(at: Address, option: string): Promise<void> {
  if (at.port === 0) return
  const cause = await listenFailure(at)
  if (cause !== undefined) throw refusal(at, option, cause)
}

function refusal(at: Address, option: string, cause: Error): MeshError {
  const code = systemCode(cause) ?? cause.message
  if (code === 'EADDRINUSE') {
    const message = `Something else listens on ${addressText(at)}. End it, or name another address with ${option}.`
    return new MeshError('AddressInUse', message, { cause })
  }
  const message = `${addressText(at)} cannot be listened on (${code}). Name an address of this machine with ${option}.`
  return new MeshError('AddressUnavailable', message, { cause })
}

/** Whether an address can be listened on, asked before much depends on it. */
import { createServer } from 'node:net'
import { MeshError, systemCode } from '../mesh-error.ts'
import { type Address, addressText } from './options.ts'

/** Throws a MeshError that names the option to change, where nobody could listen there now. */
export async function refuseTaken(at: Address, option: string): Promise<void> {
  if (at.port === 0) return
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', cause => reject(refusal(at, option, cause)))
  server.listen(at.port, at.host, resolve)
  await promise
  await new Promise<void>(closed => server.close(() => closed()))
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

/** Whether an address can be listened on, asked before much depends on it. */
import { createServer } from 'node:net'

/** Why nobody could listen there now, in the system's words; undefined where somebody could. */
export async function listenFailure(at: { readonly host: string; readonly port: number }): Promise<Error | undefined> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<Error | undefined>()
  server.once('error', resolve)
  server.listen(at.port, at.host, () => server.close(() => resolve(undefined)))
  return await promise
}

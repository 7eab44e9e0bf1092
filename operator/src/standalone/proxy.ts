/** The proxy of a pod as a process: how it is started, and what is asked of its admin side. */
import { askAdmin, IN_FLIGHT_PATH, inFlightIn } from '@smi-mesh/dataplane/sidecar'

export interface ProxyStart {
  readonly command: readonly string[]
  /** The Unix socket of its admin side. */
  readonly adminSocket: string
}

/** Whether it has its configuration and takes connections. */
export async function isProxyReady(adminSocket: string): Promise<boolean> {
  return (await askAdmin(adminSocket, '/ready'))?.status === 200
}

/** Asks clients to go elsewhere (`Connection: close`, GOAWAY) while everything is still answered. */
export async function beginDrain(adminSocket: string): Promise<void> {
  await askAdmin(adminSocket, '/drain_listeners?graceful&skip_exit', 'POST')
}

/** Requests (of HTTP) and connections (of other protocols) that came in and are not answered yet; undefined where it does not tell. */
export async function inFlight(adminSocket: string): Promise<number | undefined> {
  const answer = await askAdmin(adminSocket, IN_FLIGHT_PATH)
  return answer?.status === 200 ? inFlightIn(answer.body) : undefined
}

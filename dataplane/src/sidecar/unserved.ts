/**
 * Whether a pod serves nobody and never has, as that of a Job whose application has ended: then there are no callers who would
 * have to learn that it is going. Knows the kernel's tables of sockets and one number of Envoy's.
 */
import type { AdminAnswer } from './admin.ts'

export interface UnservedOptions {
  /** `/proc/net/tcp` and `/proc/net/tcp6`. */
  readonly sockets: readonly string[]
  /** Where the proxy listens, whatever its application does. */
  readonly proxyPorts: readonly number[]
  readonly ask: (path: string, method: 'GET' | 'POST') => Promise<AdminAnswer | undefined>
}

export async function isUnserved({ sockets, proxyPorts, ask }: UnservedOptions): Promise<boolean> {
  if (sockets.some(table => listensBeside(table, proxyPorts))) return false
  const answer = await ask(`/stats?filter=^${CONNECTIONS.replaceAll('.', '\\.')}$`, 'GET')
  return answer?.status === 200 && /: 0$/.test(answer.body.trim())
}

/** Of peers, since the proxy began. Those of opaque bytes are not among them; nobody speaks them with an application that is gone. */
const CONNECTIONS = 'http.inbound.downstream_cx_total'

/** As the kernel has it: state TCP_LISTEN. */
const LISTENING = '0A'

/** Lines of the table begin with a number, the local address and port in hexadecimal digits, the remote ones, and the state. */
function listensBeside(table: string, proxyPorts: readonly number[]): boolean {
  return table
    .split('\n')
    .slice(1)
    .map(line => line.trim().split(/\s+/))
    .some(([, local = '', , state]) => state === LISTENING && !proxyPorts.includes(portOf(local)))
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.indexOf(':') + 1), 16)
}

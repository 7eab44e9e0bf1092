/**
 * Who is in every made-up world: a handful of pods with fixed names, addresses and identities, so that the proxies before
 * them can stay up while worlds come and go. What changes from world to world is everything said about them.
 */
import type { Name } from '../world.ts'

export interface CastMember {
  readonly pod: Name
  readonly account: string
  readonly subnet: number
  /** Whether a sidecar stands before it. */
  readonly meshed: boolean
}

const member = (namespace: string, name: string, account: string, subnet: number, meshed = true): CastMember => ({
  pod: { namespace, name },
  account,
  subnet,
  meshed,
})

/** Two accounts of the same name in two namespaces, two pods of one account, and one pod outside the mesh. */
export const CAST: readonly CastMember[] = [
  member('red', 'red-a', 'a', 211),
  member('red', 'red-b1', 'b', 212),
  member('red', 'red-b2', 'b', 213),
  member('blue', 'blue-a', 'a', 214),
  member('red', 'red-plain', 'b', 215, false),
]

export const NAMESPACES: readonly string[] = ['red', 'blue']
export const ACCOUNTS = ['a', 'b'] as const
/** Services that may exist, in either namespace. */
export const SERVICES: readonly string[] = ['web', 'web-v1', 'web-v2']

/** Ports of every pod by name. What is spoken on them is up to the Services, except that 9000 is always bytes. */
export const POD_PORTS = { main: 8080, side: 8081, bytes: 9000 } as const

/** Cluster addresses by namespace and name, the same in every world. */
export function clusterIp({ namespace, name }: Name): string {
  const at = 1 + NAMESPACES.indexOf(namespace) * SERVICES.length + SERVICES.indexOf(name)
  return `127.0.88.${at}`
}

/**
 * The SMI text, executed naively on plain objects: the second opinion on everything the compiler and the proxies do. It
 * shares no code with them, keeps no index and is meant to be read beside the text. Where that is silent, it follows the
 * decisions in docs/reference/smi-semantics.md.
 */
import { verdict } from './oracle/access.ts'
import type { Identity } from './oracle/identity.ts'
import { plainPath } from './oracle/path.ts'
import { endpoints, pod, service } from './oracle/pods.ts'
import { shares } from './oracle/split.ts'
import type { Answer, Caller, HttpCall, Request, World } from './world.ts'

/** What becomes of a request; undefined where the world has no such port. */
export function oracle(world: World, { caller, target, call }: Request): Answer | undefined {
  if (call.kind === 'http' && !asksForPath(call)) return { kind: 'malformed' }
  const identity = identityOf(world, caller)
  if (target.kind === 'pod') {
    const found = pod(world, target.pod)
    if (found === undefined) return undefined
    const pods = [{ pod: found.name, verdict: verdict(world, found, target.port, identity, call) }]
    return { kind: 'routed', backends: [{ service: found.name, share: 1, pods }] }
  }
  const apex = service(world, target.service)
  if (!apex?.ports.includes(target.port)) return undefined
  // "Clients without a sidecar get the plain Service": nobody splits for them.
  const backends = identity === undefined ? [{ service: apex, weight: 1 }] : shares(world, apex, target.port, call)
  if (backends.length === 0) return { kind: 'refused', reason: 'no-weight' }
  const sum = backends.reduce((total, { weight }) => total + weight, 0)
  return {
    kind: 'routed',
    backends: backends.map(backend => ({
      service: backend.service.name,
      share: backend.weight / sum,
      pods: endpoints(world, backend.service, target.port).map(server => ({
        pod: server.name,
        verdict: verdict(world, server, server.at, identity, call),
      })),
    })),
  }
}

/** A pod is who its ServiceAccount says, if a sidecar can prove it. */
export function identityOf(world: World, caller: Caller): Identity | undefined {
  const found = caller.kind === 'pod' ? pod(world, caller.pod) : undefined
  return found?.meshed ? { namespace: found.name.namespace, account: found.account } : undefined
}

/** A route speaks of paths: who asks for a tunnel, or for the server as a whole (`OPTIONS *`), asks for nothing that it could mean. */
function asksForPath({ method, path }: HttpCall): boolean {
  return method !== 'CONNECT' && plainPath(path) !== undefined
}

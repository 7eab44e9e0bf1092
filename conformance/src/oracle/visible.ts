/** What a caller may see of an answer: of several that are possible, each request shows one. */

import { identityOf, oracle } from '../oracle.ts'
import type { Answer, Call, Name, Outcome, Request, World } from '../world.ts'
import { allows } from './access.ts'
import { pods, selects, service, targetPort } from './pods.ts'
import { nameOf, text } from './read.ts'
import { backendsOf, splitsOf } from './split.ts'

/** Every outcome that does not contradict the SMI text; undefined where the world has no such port. */
export function visible(world: World, request: Request): ReadonlySet<Outcome> | undefined {
  const answer = oracle(world, request)
  if (answer === undefined) return undefined
  const seen = outcomes(answer, request.call)
  const other = seen.has('503') || seen.has('400')
  return other && wouldBeDenied(world, request) ? seen.union(new Set<Outcome>(['403'])) : seen
}

/** All that a caller may see of an answer. */
export function outcomes(answer: Answer, call: Call): ReadonlySet<Outcome> {
  if (answer.kind === 'malformed') return new Set([isOfNoPath(call) ? '404' : '400'])
  const nobody: Outcome = call.kind === 'tcp' ? 'closed' : '503'
  const refusal = { denies: call.kind === 'tcp' ? 'closed' : '403', 'finds malformed': '400' } as const
  if (answer.kind === 'refused') return new Set([nobody])
  return new Set(
    answer.backends.flatMap(({ pods }) =>
      pods.length === 0
        ? [nobody]
        : pods.map(({ pod, verdict }) => (verdict === 'allows' ? podOutcome(pod) : refusal[verdict])),
    ),
  )
}

/** Well-formed, and about something that nobody has. */
function isOfNoPath(call: Call): boolean {
  return call.kind === 'http' && (call.method === 'CONNECT' || (call.method === 'OPTIONS' && call.path === '*'))
}

export function podOutcome({ namespace, name }: Name): Outcome {
  return `pod ${namespace}/${name}`
}

/**
 * A caller whom nobody behind a Service would let in, ready or not, may be told that before anything else: a proxy need not
 * know of pods its owner may not call.
 */
function wouldBeDenied(world: World, { caller, target, call }: Request): boolean {
  if (target.kind === 'pod') return false
  const names = [
    target.service,
    ...splitsOf(world, target.service).flatMap(split =>
      backendsOf(split).map(backend => ({
        namespace: nameOf(split).namespace,
        name: text(backend['service']),
      })),
    ),
  ]
  const behind = names.flatMap(name => {
    const found = service(world, name)
    return found === undefined
      ? []
      : pods(world)
          .filter(pod => selects(found, pod))
          .map(pod => ({ pod, at: targetPort(found, target.port, pod) }))
  })
  const identity = identityOf(world, caller)
  return behind.length > 0 && behind.every(({ pod, at }) => at === undefined || !allows(world, pod, at, identity, call))
}

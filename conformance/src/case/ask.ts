/** The `when` and `then` of a step: what is asked, and what has to be answered. */
import type { Ask, CallExpectation, DenialReason, When } from '../case.ts'
import { fields, list, text, texts } from '../oracle/read.ts'
import type { RawObject } from '../world.ts'
import { timesToTell } from './chance.ts'
import { inNamespace, objectName } from './objects.ts'

/** Shares are counted of so many calls at least, and at most: those that are nearly even would take thousands to tell. */
const SHARES_TIMES = { least: 400, most: 900 }
/** Enough that a backend which gets half of them by mistake is seen, but for once in a million. */
const BY_TIMES = 20

export type Complain = (message: string) => Error

export function readAsk(step: RawObject, home: string, complain: Complain): Ask {
  const asked = step['when']
  const then = step['then']
  const { condition, refused, read, get } = { condition: undefined, refused: undefined, ...rest(then) }
  if (asked !== undefined) return readCall(fields(asked), then, home, complain)
  if (condition !== undefined) {
    const { of, type, status, reason } = { of: '', type: '', status: '', reason: '', ...texts(condition) }
    return {
      kind: 'condition',
      of: objectName(of, home),
      expected: { type, status: status === 'True' ? 'True' : 'False', reason },
    }
  }
  if (refused !== undefined) return { kind: 'refused', object: inNamespace(fields(refused), home) }
  if (read !== undefined) {
    const { of, version, is } = { of: '', version: '', is: {}, ...fields(read) }
    return { kind: 'read', of: objectName(text(of), home), version: text(version), expected: fields(is) }
  }
  if (get !== undefined) {
    const { path, has, lacks } = { path: '', has: undefined, lacks: undefined, ...fields(get) }
    return { kind: 'get', path: text(path), expected: has, unwanted: lacks }
  }
  throw complain('Without `when`, `then` is one of condition, refused, read and get.')
}

function rest(then: unknown): RawObject & { readonly read?: unknown; readonly get?: unknown } {
  return fields(then)
}

function readCall(asked: RawObject, then: unknown, home: string, complain: Complain): Ask {
  const expected = readExpectation(then, complain)
  const to = readTarget(text(asked['to']), home, complain)
  const when: When = {
    from: text(asked['from']),
    to,
    call: readWords(asked, to, complain),
    times: typeof asked['times'] === 'number' ? asked['times'] : timesFor(expected),
    connection: asked['connection'] === 'kept' ? 'kept' : 'new',
  }
  return { kind: 'call', when, expected }
}

function timesFor(expected: CallExpectation): number {
  if (expected.kind === 'by') return BY_TIMES
  if (expected.kind !== 'shares') return 1
  return Math.min(Math.max(SHARES_TIMES.least, timesToTell(expected.weights)), SHARES_TIMES.most)
}

/** `website:8080`, `website.other:8080`, or `pod/v1:8080` for the pod itself. */
function readTarget(written: string, home: string, complain: Complain): When['to'] {
  const [, pod, name, namespace, port] = /^(pod\/)?([a-z0-9-]+)(?:\.([a-z0-9-]+))?:(\d+)$/.exec(written) ?? []
  if (name === undefined) throw complain(`"${written}" is no target; write website:8080 or pod/v1:8080.`)
  if (pod !== undefined) return { kind: 'pod', workload: name, port: Number(port) }
  return { kind: 'service', name, namespace: namespace ?? home, port: Number(port) }
}

/** `GET /path`, `grpc /birds.Birds/Sing`, `tcp` or `udp`. */
function readWords(asked: RawObject, to: When['to'], complain: Complain): When['call'] {
  const written = text(asked['call'])
  if (written === 'tcp' || written === 'udp') return { kind: written }
  const [, method = '', path] = /^([A-Za-z]+) (\/\S*)$/.exec(written) ?? []
  if (path === undefined)
    throw complain(`"${written}" is no call; write "GET /path", "grpc /service/method", tcp or udp.`)
  if (method === 'grpc') return { kind: 'grpc', path }
  const host = text(asked['host']) || `${to.kind === 'pod' ? to.workload : to.name}:${to.port}`
  return { kind: 'http', method, path, headers: [['Host', host], ...Object.entries(texts(asked['headers']))] }
}

function readExpectation(then: unknown, complain: Complain): CallExpectation {
  if (then === 'allowed') return { kind: 'allowed' }
  if (then === 'denied') return { kind: 'denied', status: 403, reason: undefined }
  if (then === 'unavailable') return { kind: 'unavailable' }
  const { by, at, shares, denied } = {
    by: undefined,
    at: undefined,
    shares: undefined,
    denied: undefined,
    ...fields(then),
  }
  if (by !== undefined) {
    const workloads = Array.isArray(by) ? list(by).map(text) : [text(by)]
    return { kind: 'by', workloads, at: typeof at === 'number' ? at : undefined }
  }
  if (shares !== undefined) {
    const weights = Object.entries(fields(shares)).map(([name, weight]) => [name, Number(weight)] as const)
    if (weights.every(([, weight]) => weight === 0))
      throw complain('The shares are all 0; give one of them more, or write unavailable.')
    return { kind: 'shares', weights: Object.fromEntries(weights) }
  }
  if (denied === undefined)
    throw complain('What is to come of the call is one of allowed, denied, unavailable, by and shares.')
  const { status, reason } = { status: 403, reason: undefined, ...fields(denied) }
  return { kind: 'denied', status: Number(status), reason: denialReason(reason) }
}

function denialReason(reason: unknown): DenialReason | undefined {
  return reason === 'no-rule' || reason === 'unidentified' ? reason : undefined
}

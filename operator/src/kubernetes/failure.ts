/** What an API server refuses, as errors with closed codes. Knows the meaning of a status; who asked decides what to do. */
import { fieldsOf, listOf, textOf } from '../facts/read.ts'
import { MeshError, type MeshErrorCode, systemCode } from '../mesh-error.ts'

/** What came back besides a success. */
export interface Refusal {
  readonly status: number
  readonly body: string
  /** The header `Retry-After`. */
  readonly retryAfter?: string | undefined
}

const LONGEST_REASON = 500
const SECOND_MS = 1_000
/** No server's wish keeps us away longer than this. */
const LONGEST_RETRY_MS = 60_000

/** `what` is the request in words: `reading pods`. */
export function refused(what: string, { status, body, retryAfter }: Refusal): MeshError {
  const code = codeOf(status, body)
  const message = `The API server refused ${what} (${status}): ${reasonIn(body)}${ADVICE[code] ?? ''}`
  return new MeshError(code, message, { retryAfterMs: retryMs(retryAfter) })
}

/** An object of kind Status that came within a watch, where it is an error; its `code` is like that of HTTP. */
export function refusedInWatch(what: string, object: unknown): MeshError {
  const status = fieldsOf(object)['code']
  const seconds = fieldsOf(fieldsOf(object)['details'])['retryAfterSeconds']
  return refused(what, {
    status: typeof status === 'number' ? status : 500,
    body: JSON.stringify(object ?? null),
    retryAfter: typeof seconds === 'number' ? String(seconds) : undefined,
  })
}

/** Nobody answered, or not to the end. */
export function unreachable(what: string, cause: unknown): MeshError {
  const why = systemCode(cause) ?? (cause instanceof Error ? cause.message : String(cause))
  return new MeshError('ApiUnreachable', `The API server did not answer ${what}: ${why}.`, { cause })
}

const ADVICE: Readonly<Partial<Record<MeshErrorCode, string>>> = {
  ApiUnauthenticated: ' Its token or certificate is not, or no longer, accepted.',
  ApiForbidden: ' Give the role of the mesh this permission.',
}

function codeOf(status: number, body: string): MeshErrorCode {
  switch (status) {
    case 401:
      return 'ApiUnauthenticated'
    case 403:
      return isTerminating(body) ? 'ApiTerminating' : 'ApiForbidden'
    case 404:
      return 'ApiNotFound'
    case 409:
      return 'ApiConflict'
    case 410:
      return 'ApiGone'
    case 429:
      return 'ApiThrottled'
    default:
      return status >= 500 ? 'ApiFailed' : 'ApiRefused'
  }
}

/** By the cause that the API server gives, `k8s.io/api/core/v1.NamespaceTerminatingCause`. */
function isTerminating(body: string): boolean {
  const causes = listOf(fieldsOf(fieldsOf(parsed(body))['details'])['causes'])
  return causes.some(cause => fieldsOf(cause)['reason'] === 'NamespaceTerminating')
}

function reasonIn(body: string): string {
  const said = textOf(fieldsOf(parsed(body))['message']) || body.trim()
  const text = said === '' ? 'no reason given' : said.slice(0, LONGEST_REASON)
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined // not every proxy before an API server speaks JSON
  }
}

function retryMs(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d+$/.test(header)) return undefined
  return Math.min(Number(header) * SECOND_MS, LONGEST_RETRY_MS)
}

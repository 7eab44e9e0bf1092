/**
 * The one error class for what may go wrong outside the user's objects: files, sockets, certificates, configuration.
 * A wrong object of the user is a finding, and a bug of ours is any other error.
 */

/** Closed, so that callers can map every code to an exit status or an HTTP status. Never match on the message. */
export type MeshErrorCode =
  | 'ConfigRefused' // what the mesh was told to do contradicts itself or cannot be done safely
  | 'AddressRefused' // an address that must not be listened on
  | 'AddressInUse'
  | 'AddressUnavailable' // an address this machine does not have, or may not use
  | 'StateDamaged' // persisted state is there and does not make sense
  | 'StateExposed' // others on this machine may read private keys
  | 'StateForeign' // persisted state belongs to another trust domain
  | 'StateConflict' // somebody else wrote the state meanwhile
  | 'StateUnavailable' // persisted state can neither be read nor written just now
  | 'RootUnusable' // the signing root is not valid at this moment
  | 'SigningPaused' // no certificate may be signed before state has been written
  | 'IdentityForeign' // an identity of another trust domain
  | 'SourceUnavailable' // what the user wrote cannot be read just now
  | 'ProgramMissing' // an executable the mesh needs, Envoy above all
  | 'ProgramFailed' // it was there, and ended
  | 'ControlPlaneUnavailable' // a command found nobody to answer it
  | 'TimedOut'
  | 'ApiUnreachable' // nobody answers, or the connection broke, or was silent for too long
  | 'ApiUnauthenticated' // 401: the API server does not know who asks
  | 'ApiForbidden' // 403: it knows, and the role lacks this
  | 'ApiTerminating' // 403 as well: nothing new is made in a namespace that is going
  | 'ApiNotFound' // 404: no such object, or no such resource
  | 'ApiConflict' // 409: it exists already, or somebody else wrote it meanwhile
  | 'ApiGone' // 410: this version of the past is no longer kept; list again
  | 'ApiRefused' // any other 4xx: the request will not do, now or later
  | 'ApiThrottled' // 429: later; `retryAfterMs` says when
  | 'ApiFailed' // 5xx: the API server's own trouble
  | 'ApiUnusable' // an answer that is no answer: not JSON, too long, not the object asked for

export class MeshError extends Error {
  override readonly name = 'MeshError'
  readonly code: MeshErrorCode
  /** How long whoever refused asked to be left alone. */
  readonly retryAfterMs: number | undefined

  /** `message` is a full sentence: what, which object, what to do. */
  constructor(
    code: MeshErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }
}

/** The error with this code, or undefined: `if (meshError(error, 'StateDamaged')) …` without matching on text. */
export function meshError(error: unknown, ...codes: readonly MeshErrorCode[]): MeshError | undefined {
  if (!(error instanceof MeshError)) return undefined
  return codes.length === 0 || codes.includes(error.code) ? error : undefined
}

/** The operating system's code of an error (`ENOENT`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

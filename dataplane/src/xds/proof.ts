/**
 * How streams prove who is at their other end. Knows that a bearer token exists and where it is found; whose it is, is asked of
 * whoever made it.
 */
import { type Metadata, type ServerDuplexStream, status } from '@grpc/grpc-js'
import type { SpiffeId } from '../mesh/identity.ts'
import type { PodKey } from '../mesh/keys.ts'
import type { Peer } from './peer.ts'
import type { Refusal } from './stream.ts'
import type { Reproof } from './stream-life.ts'

/**
 * `connection`: by the certificate of the TLS connection, or by nothing where it is plaintext. `token`: by a bearer token that
 * comes with each stream, over TLS alone.
 */
export type PeerProof =
  | { readonly kind: 'connection' }
  | {
      readonly kind: 'token'
      readonly review: ReviewToken
      /** When proxies must prove themselves anew; never, where this is left out. */
      readonly reproof?: Reproof
    }

/**
 * Rejects where whoever knows cannot be asked now: the proxy is told to come again. Aborted where nobody waits any more; what
 * comes of it after that is heeded by nobody.
 */
export type ReviewToken = (token: string, signal: AbortSignal) => Promise<TokenVerdict>

export type TokenVerdict =
  | {
      readonly kind: 'genuine'
      readonly identity: SpiffeId
      readonly pod: PodKey
      /** Of that pod: one made anew under the same name is another. */
      readonly uid: string
      /** The token's end, in milliseconds since the epoch; undefined where it says none. */
      readonly expiresAt: number | undefined
    }
  | { readonly kind: 'refused'; readonly reason: string }

const BEARER = /^Bearer ([\w~+/.=-]+)$/i

/** The token of `authorization: Bearer <token>` (RFC 6750 §2.1); undefined where there is none, or more than one header. */
export function bearerToken(metadata: Metadata): string | undefined {
  const [value, ...others] = metadata.get('authorization')
  return typeof value === 'string' && others.length === 0 ? BEARER.exec(value)?.[1] : undefined
}

/** Who a stream's token says it is. Never rejects. */
export async function peerByToken(
  call: Pick<ServerDuplexStream<unknown, unknown>, 'metadata' | 'getPeer' | 'once'>,
  review: ReviewToken,
  timeoutMs: number,
): Promise<Peer | Refusal> {
  const token = bearerToken(call.metadata)
  if (token === undefined) {
    return { code: status.UNAUTHENTICATED, reason: 'The stream needs a token: authorization: Bearer <token>.' }
  }
  const gone = new AbortController()
  call.once('cancelled', () => gone.abort())
  try {
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(timeoutMs)])
    const verdict = await Promise.race([review(token, signal), aborted(signal)])
    if (verdict.kind === 'refused') return { code: status.UNAUTHENTICATED, reason: verdict.reason }
    const { identity, pod, uid, expiresAt } = verdict
    return { kind: 'token', identity, pod, uid, expiresAt, address: call.getPeer() }
  } catch {
    // Whoever reviews has told its own log why; a stranger is told no more than what to do.
    return { code: status.UNAVAILABLE, reason: 'The token cannot be verified now; come again.' }
  }
}

/** Rejects once nobody waits any more, for reviews that do not look at their signal. */
function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

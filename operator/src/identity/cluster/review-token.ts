/**
 * Whose a pod's token is, by the word of the API server that made it. A token counts only if it was made for the mesh and is
 * bound to a pod: one without a pod could be anybody's of that ServiceAccount.
 */
import { podKey, spiffeId } from '@smi-mesh/dataplane/mesh'
import type { ReviewToken, TokenVerdict } from '@smi-mesh/dataplane/xds'
import { type Fields, fieldsOf, listOf, textOf } from '../../facts/read.ts'
import { type KubernetesClient, RESOURCES } from '../../kubernetes/index.ts'

export interface TokenReviewOptions {
  readonly client: Pick<KubernetesClient, 'postReview'>
  readonly trustDomain: string
  /** Whom tokens must have been made for. */
  readonly audience: string
  /** Told when the API server could not be asked; the token is in none of it. */
  readonly onFailure: (error: unknown) => void
}

const USER = /^system:serviceaccount:([^:]+):([^:]+)$/
const POD_NAME = 'authentication.kubernetes.io/pod-name'
const POD_UID = 'authentication.kubernetes.io/pod-uid'

/** Strangers' tokens must not keep lease and watches from the connections to the API server, of which there are 64. */
const MOST_AT_ONCE = 24

export function tokenReview({ client, trustDomain, audience, onFailure }: TokenReviewOptions): ReviewToken {
  const turns = new Turns(MOST_AT_ONCE)
  return async (token, signal) => {
    const done = await turns.turn(signal)
    try {
      const spec = { token, audiences: [audience] }
      const status = await client.postReview(RESOURCES.tokenReviews, spec, { signal })
      return verdict(status, trustDomain, { audience, expiresAt: expiryOf(token) })
    } catch (error) {
      if (!signal.aborted) onFailure(error)
      throw error
    } finally {
      done()
    }
  }
}

/** How long an answer counts: streams that are over together ask once. */
const ANSWER_MS = 5_000

/** Whether the API server would judge a token if one came now. Asked with one that is none. */
export function canReview({ client, audience }: Pick<TokenReviewOptions, 'client' | 'audience'>, now: () => number) {
  const known = { at: Number.NEGATIVE_INFINITY, answer: Promise.resolve(false) }
  return (): Promise<boolean> => {
    if (now() - known.at < ANSWER_MS) return known.answer
    known.at = now()
    known.answer = client.postReview(RESOURCES.tokenReviews, { token: 'none', audiences: [audience] }).then(
      () => true,
      () => false, // whoever reviews tells the log as soon as a real one comes
    )
    return known.answer
  }
}

/** So many at once; the others wait, first come first served. */
class Turns {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  /** Resolves with what ends the turn. Rejects where nobody waits any more. */
  async turn(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#handedOver(signal)
    return () => this.#next()
  }

  async #handedOver(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = () => {
      this.#waiting.delete(resolve)
      reject(signal.reason)
    }
    this.#waiting.add(resolve)
    signal.addEventListener('abort', abort, { once: true })
    await promise.finally(() => signal.removeEventListener('abort', abort))
  }

  #next(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#free++
    else {
      this.#waiting.delete(next)
      next()
    }
  }
}

interface Asked {
  readonly audience: string
  readonly expiresAt: number | undefined
}

function verdict(status: Fields, trustDomain: string, { audience, expiresAt }: Asked): TokenVerdict {
  if (status['authenticated'] !== true) return refused('The API server does not know this token, or no longer.')
  // An authenticator that knows nothing of audiences answers with none, and would let any token of the cluster pass.
  if (!listOf(status['audiences']).includes(audience)) return refused(`The token was not made for ${audience}.`)
  const user = fieldsOf(status['user'])
  const [, namespace, serviceAccount] = USER.exec(textOf(user['username'])) ?? []
  if (namespace === undefined || serviceAccount === undefined) return refused('The token is not of a ServiceAccount.')
  const [pod, uid] = [POD_NAME, POD_UID].map(field => onlyText(fieldsOf(user['extra'])[field]))
  if (pod === undefined || uid === undefined) return refused('The token is not bound to a pod.')
  const identity = spiffeId(trustDomain, { namespace, serviceAccount })
  return { kind: 'genuine', identity, pod: podKey(namespace, pod), uid, expiresAt }
}

/** `exp` of a JWT (RFC 7519 §4.1.4), in milliseconds. What it says counts where the API server has found the token genuine. */
function expiryOf(token: string): number | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    const seconds = fieldsOf(payload)['exp']
    return typeof seconds === 'number' ? seconds * 1000 : undefined
  } catch {
    return undefined // tokens are the API server's to make; not each is a JWT
  }
}

/** What a list of one holds. */
function onlyText(list: unknown): string | undefined {
  const [text, ...others] = listOf(list)
  return typeof text === 'string' && text !== '' && others.length === 0 ? text : undefined
}

function refused(reason: string): TokenVerdict {
  return { kind: 'refused', reason }
}

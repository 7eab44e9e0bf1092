/** What proves an identity. A private key cannot be printed, logged, inspected or serialised by accident. */
import { inspect } from 'node:util'
import type { SpiffeId } from './identity.ts'

const REDACTED = '[private key]'

/** A private key in PEM that shows itself only to whoever calls `reveal`. */
export class PrivateKey {
  readonly #pem: string

  constructor(pem: string) {
    this.#pem = pem
  }

  /** The PEM text. Only the encoder of Envoy secrets and the writer of bootstrap credentials may ask. */
  reveal(): string {
    return this.#pem
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}

/** An X.509 SVID with its key. Times in milliseconds since the epoch. */
export interface IdentityCertificate {
  readonly identity: SpiffeId
  /** PEM, leaf first. */
  readonly chain: string
  readonly privateKey: PrivateKey
  readonly notBefore: number
  readonly notAfter: number
}

/** The roots that are accepted in a trust domain, PEM, sorted. */
export interface TrustBundle {
  readonly trustDomain: string
  readonly roots: readonly string[]
}

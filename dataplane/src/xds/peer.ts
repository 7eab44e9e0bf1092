/** Who is at the other end of a stream, by the certificate it presented. Believes nothing the peer says of itself. */
import { X509Certificate } from 'node:crypto'
import type { ServerDuplexStream } from '@grpc/grpc-js'
import { parseSpiffeId, type SpiffeId } from '../mesh/identity.ts'
import type { PodKey } from '../mesh/keys.ts'

export type Peer =
  | { readonly kind: 'certificate'; readonly identity: SpiffeId; readonly address: string }
  /** TLS and a token, which is of one pod: of this one, and of no other that bears its name. */
  | {
      readonly kind: 'token'
      readonly identity: SpiffeId
      readonly pod: PodKey
      readonly uid: string
      /** The token's end, in milliseconds since the epoch; undefined where it says none. */
      readonly expiresAt: number | undefined
      readonly address: string
    }
  /** No TLS: the caller of the server decides whether to believe whoever can connect. */
  | { readonly kind: 'plaintext'; readonly address: string }

/** Undefined for a TLS peer that proved no identity. */
export function peerOf(call: ServerDuplexStream<unknown, unknown>, secure: boolean): Peer | undefined {
  const address = call.getPeer()
  if (!secure) return { kind: 'plaintext', address }
  const certificate = call.getAuthContext()?.sslPeerCertificate
  const identity = certificate === undefined ? undefined : identityIn(certificate.raw)
  return identity === undefined ? undefined : { kind: 'certificate', identity, address }
}

/** "An X.509 SVID MUST contain exactly one URI SAN" (X509-SVID §2). */
export function identityIn(der: Uint8Array): SpiffeId | undefined {
  // Node quotes a name that holds a comma or a quote, so splitting cannot be fooled into seeing a name that is none.
  const names = new X509Certificate(der).subjectAltName?.split(', ') ?? []
  const uris = names.filter(name => name.startsWith('URI:')).map(name => name.slice('URI:'.length))
  const [only] = uris
  return uris.length === 1 && only !== undefined ? parseSpiffeId(only)?.id : undefined
}

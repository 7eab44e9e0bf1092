/**
 * TLS between sidecars: version 1.3, both ends prove a SPIFFE ID, keys and roots only by the names of secrets.
 * Sessions are not resumed: a resumed one would be judged by a certificate that is not looked at again.
 */
import type { SpiffeId } from '../mesh/index.ts'
import type { TransportSocket } from '../proto/gen/envoy/config/core/v3/base.ts'
import { RawBuffer } from '../proto/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.ts'
import {
  type CertificateValidationContext,
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '../proto/gen/envoy/extensions/transport_sockets/tls/v3/common.ts'
import {
  type CommonTlsContext,
  DownstreamTlsContext,
  UpstreamTlsContext,
} from '../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls.ts'
import type { StringMatcher } from '../proto/gen/envoy/type/matcher/v3/string.ts'
import { filter } from '../proto/index.ts'
import { ADS } from './address.ts'
import { BUNDLE_SECRET, IDENTITY_SECRET } from './names.ts'

/** What sidecars offer in ALPN, and nobody else: `http` is judged request by request, `bytes` connection by connection. */
export const MESH_ALPN = { http: 'smi-mesh', bytes: 'smi-mesh-tcp' } as const

/** The client's end: only the identities of the service may answer. */
export function meshUpstreamSocket(identities: readonly SpiffeId[], alpn: string): TransportSocket {
  const sans = identities.map(exactly)
  const context = { commonTlsContext: { ...commonTlsContext(sans), alpnProtocols: [alpn] }, maxSessionKeys: 0 }
  return filter('envoy.transport_sockets.tls', UpstreamTlsContext, context)
}

/** Whose certificates a server takes: of anyone in a trust domain, or of these alone. */
export type AcceptedPeers =
  | { readonly kind: 'trust-domain'; readonly trustDomain: string }
  | { readonly kind: 'identities'; readonly identities: readonly SpiffeId[] }

/**
 * The server's end. It names no ALPN of its own: the chain was chosen by what the client offered, and Envoy's codec would take
 * an unknown ALPN for HTTP/1.1.
 */
export function meshDownstreamSocket(peers: AcceptedPeers): TransportSocket {
  return filter('envoy.transport_sockets.tls', DownstreamTlsContext, {
    commonTlsContext: commonTlsContext(acceptedSans(peers)),
    requireClientCertificate: true,
    sessionTicketKeysType: { $case: 'disableStatelessSessionResumption', disableStatelessSessionResumption: true },
    disableStatefulSessionResumption: true,
  })
}

function acceptedSans(peers: AcceptedPeers): StringMatcher[] {
  if (peers.kind === 'identities') return peers.identities.map(exactly)
  return [{ matchPattern: { $case: 'prefix', prefix: `spiffe://${peers.trustDomain}/` } }]
}

function exactly(exact: string): StringMatcher {
  return { matchPattern: { $case: 'exact', exact } }
}

export const PLAIN_SOCKET: TransportSocket = filter('envoy.transport_sockets.raw_buffer', RawBuffer, {})

function commonTlsContext(sans: readonly StringMatcher[]): CommonTlsContext {
  return {
    tlsParams: {
      tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
    },
    tlsCertificateSdsSecretConfigs: [{ name: IDENTITY_SECRET, sdsConfig: ADS }],
    validationContextType: {
      $case: 'combinedValidationContext',
      combinedValidationContext: {
        defaultValidationContext: validationContext(sans),
        validationContextSdsSecretConfig: { name: BUNDLE_SECRET, sdsConfig: ADS },
      },
    },
  }
}

function validationContext(sans: readonly StringMatcher[]): CertificateValidationContext {
  return {
    matchTypedSubjectAltNames: sans.map(matcher => ({ sanType: SubjectAltNameMatcher_SanType.URI, matcher })),
  }
}

/**
 * Key exchange of the streams of proxies: classical first, hybrid (X25519MLKEM768) for those who insist. See
 * docs/design/decisions/015-classical-key-exchange-first.md. Node has no narrower place for it that gRPC would read than the
 * default of the process, so whatever else speaks TLS here names `USUAL_KEY_EXCHANGE`.
 */
import tls from 'node:tls'

/** For connections whose content is worth recording: those with an API server. */
export const USUAL_KEY_EXCHANGE = { ecdhCurve: 'auto' } as const

export function preferClassicalKeyExchange(): void {
  tls.DEFAULT_ECDH_CURVE = 'X25519:X25519MLKEM768:P-256:X448:P-384:P-521'
}

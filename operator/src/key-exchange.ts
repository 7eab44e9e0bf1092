/**
 * Key agreement of this process's TLS, servers and clients alike: classical first, hybrid (X25519MLKEM768) for whoever insists.
 * Hybrid agreement shields what is recorded today from computers to come, but what passes here, configuration and keys that
 * live for a day, is worth nothing by then; it costs 10 kB of memory for as long as a connection lives. Traffic between
 * proxies is not concerned: Envoys agree on keys themselves. Node has no narrower place for it that gRPC would read.
 */
import tls from 'node:tls'

export function preferClassicalKeyExchange(): void {
  tls.DEFAULT_ECDH_CURVE = 'X25519:X25519MLKEM768:P-256'
}

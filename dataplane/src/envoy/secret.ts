/** Certificates and roots as Envoy secrets. The one place of the data plane where a private key is revealed. */
import type { IdentityCertificate, TrustBundle } from '../mesh/index.ts'
import type { DataSource } from '../proto/gen/envoy/config/core/v3/base.ts'
import type { Secret } from '../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts'
import { BUNDLE_SECRET, IDENTITY_SECRET } from './names.ts'

export function identitySecret(certificate: IdentityCertificate): Secret {
  const tlsCertificate = {
    certificateChain: inline(certificate.chain),
    privateKey: inline(certificate.privateKey.reveal()),
  }
  return { name: IDENTITY_SECRET, type: { $case: 'tlsCertificate', tlsCertificate } }
}

export function bundleSecret(bundle: TrustBundle): Secret {
  const trustedCa = inline(bundle.roots.join('\n'))
  return { name: BUNDLE_SECRET, type: { $case: 'validationContext', validationContext: { trustedCa } } }
}

function inline(text: string): DataSource {
  return { specifier: { $case: 'inlineBytes', inlineBytes: new TextEncoder().encode(text) } }
}

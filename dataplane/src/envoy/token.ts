/**
 * How a proxy shows a token that somebody else renews: a file in a volume whose content is swapped behind a link. Knows no
 * token's content; Envoy reads it and never writes it to a log or a dump.
 */
import type { JsonValue } from '../proto/index.ts'

/** `volume` is the folder that is swapped; the descriptions stand in a folder of the proxy's own (see `tokenDescriptions`). */
export interface TokenFiles {
  readonly volume: string
  readonly token: string
  readonly roots: string
  readonly tokenDescription: string
  readonly rootsDescription: string
}

/** The usual names: token and roots in the volume, descriptions in the proxy's own folder. */
export function tokenFiles(volume: string, own: string): TokenFiles {
  return {
    volume,
    token: `${volume}/token`,
    roots: `${volume}/roots.pem`,
    tokenDescription: `${own}/xds-token.json`,
    rootsDescription: `${own}/xds-roots.json`,
  }
}

const SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'

/** What must stand in the description files, by path. The kubelet swaps a link in the volume, so the volume is watched. */
export function tokenDescriptions(files: TokenFiles): ReadonlyMap<string, JsonValue> {
  const watched = { watched_directory: { path: files.volume } }
  const token = {
    '@type': SECRET,
    name: TOKEN_SECRET,
    generic_secret: { secret: { filename: files.token, ...watched } },
  }
  const roots = {
    '@type': SECRET,
    name: 'xds-roots',
    validation_context: { trusted_ca: { filename: files.roots }, ...watched },
  }
  return new Map([
    [files.tokenDescription, { resources: [token] }],
    [files.rootsDescription, { resources: [roots] }],
  ])
}

const TOKEN_SECRET = 'xds-token'

/** Filters of a cluster whose every request bears the token. Without a token no request is sent at all. */
export function tokenFilter(files: TokenFiles): JsonValue[] {
  const generic = {
    '@type': 'type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic',
    credential: { name: TOKEN_SECRET, sds_config: fromFile(files.tokenDescription) },
    header: 'authorization',
    header_value_prefix: 'Bearer ',
  }
  return [
    {
      name: 'envoy.filters.http.credential_injector',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector',
        credential: { name: 'envoy.http.injected_credentials.generic', typed_config: generic },
        overwrite: true,
      },
    },
    {
      name: 'envoy.filters.http.upstream_codec',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec',
      },
    },
  ]
}

export function fromFile(path: string): JsonValue {
  return { resource_api_version: 'V3', path_config_source: { path } }
}

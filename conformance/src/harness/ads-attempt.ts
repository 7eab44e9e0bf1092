/** One attempt to be told something by a control plane, with whatever proof one likes: what came of it. */
import { X509Certificate } from 'node:crypto'
import { type ChannelCredentials, Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { TypeUrl } from '@smi-mesh/dataplane/mesh'
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse, decode, encode } from '@smi-mesh/dataplane/proto'

export interface Attempt {
  readonly port: number
  readonly nodeId: string
  readonly channel: ChannelCredentials
  readonly metadata?: Metadata
}

/** `told`: bytes of the mesh's. `ended`: by which status, with which words. `open`: the stream is there, and says nothing. */
export type Outcome =
  | { readonly kind: 'told'; readonly secrets: readonly string[]; readonly bytes: number }
  | { readonly kind: 'ended'; readonly code: number; readonly details: string }

export interface Held {
  readonly outcome: Outcome
  /** Resolves with how a stream that was told something has ended. */
  readonly end: Promise<Outcome>
  close(): void
}

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'
const same = (bytes: Buffer) => bytes

/** TLS that looks at the roots and at no name, with a certificate of the caller's own where it has one. */
export function tls(roots: string, own?: { readonly key: string; readonly chain: string }): ChannelCredentials {
  const [key, chain] = own === undefined ? [null, null] : [Buffer.from(own.key), Buffer.from(own.chain)]
  return credentials.createSsl(Buffer.from(roots), key, chain, { checkServerIdentity: () => undefined })
}

export function bearing(token: string): Metadata {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${token}`)
  return metadata
}

/** Asks for everything, its own certificate included; the stream stays open until it is closed. */
export async function hold({ port, nodeId, channel, metadata = new Metadata() }: Attempt): Promise<Held> {
  const client = new Client(`127.0.0.1:${port}`, channel, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.ssl_target_name_override': 'smi-mesh',
  })
  const call = client.makeBidiStreamRequest(PATH, same, same, metadata)
  const told = Promise.withResolvers<Outcome>()
  const end = Promise.withResolvers<Outcome>()
  const secrets: string[] = []
  let bytes = 0
  call.on('data', (message: Buffer) => {
    const { typeUrl = '', nonce = '', resources = [] } = decode(DeltaDiscoveryResponse, message)
    bytes += message.length
    if (typeUrl === TypeUrl.secret)
      secrets.push(...resources.map(one => Buffer.from(one.resource?.value ?? []).toString()))
    call.write(encode(DeltaDiscoveryRequest, { typeUrl, responseNonce: nonce }))
    if (secrets.length > 0) told.resolve({ kind: 'told', secrets, bytes })
  })
  call.on('error', ({ code, details }: ServiceError) => end.resolve({ kind: 'ended', code, details }))
  call.on('end', () => end.resolve({ kind: 'ended', code: 0, details: '' }))
  for (const [typeUrl, resourceNamesSubscribe] of [
    [TypeUrl.cluster, []],
    [TypeUrl.secret, ['identity']],
  ] as const) {
    call.write(
      encode(DeltaDiscoveryRequest, {
        node: { id: nodeId },
        typeUrl,
        resourceNamesSubscribe: [...resourceNamesSubscribe],
      }),
    )
  }
  const ended = end.promise.then(outcome =>
    bytes > 0 && secrets.length === 0 ? { kind: 'told' as const, secrets, bytes } : outcome,
  )
  const close = () => {
    call.cancel()
    client.close()
  }
  return { outcome: await Promise.race([told.promise, ended]), end: end.promise, close }
}

export async function attempt(how: Attempt): Promise<Outcome> {
  const held = await hold(how)
  held.close()
  return held.outcome
}

/** Names of URI in the certificates that were told. */
export function identitiesIn(secrets: readonly string[]): readonly string[] {
  const pems = secrets.flatMap(text => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [])
  return pems.flatMap(pem => new X509Certificate(pem).subjectAltName?.match(/spiffe:\/\/[^,\s]+/g) ?? [])
}

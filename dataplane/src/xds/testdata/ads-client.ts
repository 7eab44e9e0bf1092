/** A discovery client over real gRPC that does what a test tells it, using the generated codecs of the Envoy API. */
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from '../../proto/index.ts'

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService'

export class AdsClient {
  readonly #client: Client
  readonly #call: ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>
  readonly #received: DeltaDiscoveryResponse[] = []
  readonly #ended = Promise.withResolvers<{ code: number; details: string }>()
  #arrived = Promise.withResolvers<void>()

  constructor(
    port: number,
    method = 'DeltaAggregatedResources',
    channel = credentials.createInsecure(),
    metadata = new Metadata(),
  ) {
    this.#client = new Client(`127.0.0.1:${port}`, channel, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.ssl_target_name_override': 'localhost',
    })
    this.#call = this.#client.makeBidiStreamRequest(
      `${PATH}/${method}`,
      (request: DeltaDiscoveryRequest) => Buffer.from(DeltaDiscoveryRequest.encode(request).finish()),
      (bytes: Buffer) => DeltaDiscoveryResponse.decode(bytes),
      metadata,
    )
    this.#call.on('error', ({ code, details }: ServiceError) => this.#ended.resolve({ code, details }))
    this.#call.on('end', () => this.#ended.resolve({ code: 0, details: '' }))
  }

  /** Starts to take responses off the stream; until then it is a reader that does not read. */
  read(): this {
    this.#call.on('data', (response: DeltaDiscoveryResponse) => {
      this.#received.push(response)
      this.#arrived.resolve()
      this.#arrived = Promise.withResolvers()
    })
    return this
  }

  send(typeUrl: string, request: DeltaDiscoveryRequest = {}): void {
    this.#call.write({ typeUrl, ...request })
  }

  /** The next response, in order. */
  async next(): Promise<DeltaDiscoveryResponse> {
    for (;;) {
      const response = this.#received.shift()
      if (response !== undefined) return response
      await within(Promise.race([this.#arrived.promise, this.#ended.promise.then(status => Promise.reject(status))]))
    }
  }

  /** The next response, acknowledged. */
  async take(): Promise<DeltaDiscoveryResponse> {
    const response = await this.next()
    this.send(response.typeUrl ?? '', { responseNonce: response.nonce ?? '' })
    return response
  }

  /** How the stream ended. */
  ended(): Promise<{ code: number; details: string }> {
    return within(this.#ended.promise)
  }

  /** Responses that have arrived and were not asked for. */
  get unread(): readonly DeltaDiscoveryResponse[] {
    return this.#received
  }

  close(): void {
    this.#call.cancel()
    this.#client.close()
  }
}

/** Waits for a promise, but not for ever. */
export async function within<T>(promise: Promise<T>, ms = 5000): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`Nothing came within ${ms} ms.`)), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Looks again each turn of the loop until a condition holds, but not for ever. */
export async function until(holds: () => boolean, ms = 5000): Promise<void> {
  const deadline = performance.now() + ms
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`It did not come about within ${ms} ms: ${holds}`)
    await new Promise<void>(resolve => setTimeout(resolve, 1))
  }
}

/** Names and what was taken away, in order: all a test of the protocol wants to see. */
export function told(response: DeltaDiscoveryResponse): { names: string[]; removed: string[] } {
  return {
    names: (response.resources ?? []).map(one => one.name ?? ''),
    removed: [...(response.removedResources ?? [])],
  }
}

/**
 * A discovery client whose connection takes nothing until it is told to: plain HTTP/2, because a gRPC library reads ahead into its
 * own memory whether or not anybody asks for messages.
 */
import { type ClientHttp2Stream, connect } from 'node:http2'
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from '../../proto/index.ts'

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'
/** Whether compressed, and how long: before every message of gRPC. */
const PREFIX_BYTES = 5

export class StalledClient {
  readonly #session: ReturnType<typeof connect>
  readonly #stream: ClientHttp2Stream

  constructor(port: number) {
    this.#session = connect(`http://127.0.0.1:${port}`)
    this.#stream = this.#session.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    this.#stream.on('error', () => {}) // it is closed in the middle of things
  }

  send(request: DeltaDiscoveryRequest): void {
    const message = Buffer.from(DeltaDiscoveryRequest.encode(request).finish())
    const prefix = Buffer.alloc(PREFIX_BYTES)
    prefix.writeUInt32BE(message.length, 1)
    this.#stream.write(Buffer.concat([prefix, message]))
  }

  /** Takes what has been sent from now on, message by message. */
  async *read(): AsyncGenerator<DeltaDiscoveryResponse> {
    let bytes = Buffer.alloc(0)
    for await (const chunk of this.#stream) {
      bytes = Buffer.concat([bytes, chunk])
      while (bytes.length >= PREFIX_BYTES && bytes.length >= PREFIX_BYTES + bytes.readUInt32BE(1)) {
        const end = PREFIX_BYTES + bytes.readUInt32BE(1)
        yield DeltaDiscoveryResponse.decode(bytes.subarray(PREFIX_BYTES, end))
        bytes = bytes.subarray(end)
      }
    }
  }

  close(): void {
    this.#stream.destroy()
    this.#session.destroy()
  }
}

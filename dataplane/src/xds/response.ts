/** Responses and their bytes. Sessions that are told the same thing share one Buffer, nonce included. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { TypeUrl } from '../mesh/resource.ts'
import type { Resource } from './resource.ts'

/** Unique for one type on one stream; equal on streams that are told the same. */
export type Nonce = string

/** A `DeltaDiscoveryResponse` before encoding. Both lists are sorted by name and never both hold a name. */
export interface Response {
  readonly type: TypeUrl
  readonly nonce: Nonce
  readonly resources: readonly Resource[]
  readonly removed: readonly string[]
}

/** Field numbers of `envoy.service.discovery.v3.DeltaDiscoveryResponse`; protobuf fields may come in any order. */
export function encodeResponse({ type, nonce, resources, removed }: Response): Buffer {
  const rest = new BinaryWriter().tag(4, WireType.LengthDelimited).string(type)
  rest.tag(5, WireType.LengthDelimited).string(nonce)
  for (const name of removed) rest.tag(6, WireType.LengthDelimited).string(name)
  return Buffer.concat([...resources.flatMap(resource => resource.wire), rest.finish()])
}

/** Encoded responses by content, the recent ones up to a budget of bytes: those who are told the same are told it at once. */
export class SharedResponses {
  readonly #budgetBytes: number
  readonly #buffers = new Map<string, Buffer>()
  #bytes = 0
  #encoded = 0

  constructor(budgetBytes = 2 << 20) {
    this.#budgetBytes = budgetBytes
  }

  /** How many responses were encoded rather than shared. */
  get encoded(): number {
    return this.#encoded
  }

  /** The same Buffer for the same content. It must not be written to. */
  bytes(response: Response): Buffer {
    const key = contentKey(response)
    const known = this.#buffers.get(key)
    if (known !== undefined) return known
    const buffer = encodeResponse(response)
    this.#encoded++
    this.#bytes += buffer.length
    this.#buffers.set(key, buffer)
    this.#trim()
    return buffer
  }

  #trim(): void {
    for (const [key, buffer] of this.#buffers) {
      if (this.#bytes <= this.#budgetBytes) return
      this.#buffers.delete(key)
      this.#bytes -= buffer.length
    }
  }
}

/** Versions are hashes of content. Names of what does not exist are a client's own words, so they are quoted. */
function contentKey({ type, nonce, resources, removed }: Response): string {
  const parts: string[] = [type, nonce]
  for (const { name, version } of resources) parts.push(name, version)
  return `${parts.join('\n')}\n${JSON.stringify(removed)}`
}

/**
 * Reads `envoy.service.discovery.v3.DeltaDiscoveryRequest`, as far as a server looks at it.
 *
 * By hand and for good: this runs for every ACK of every proxy, and of the large `Node` message, which proxies repeat
 * with their whole metadata and extension list, three fields matter. Everything else is skipped without being built.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** What a proxy says of itself. Nothing here is proof of anything. */
export interface NodeInfo {
  readonly id: string
  readonly cluster: string
  /** `envoy 1.40.0`; empty if untold. */
  readonly agent: string
}

export interface DiscoveryRequest {
  /** On the first request of a stream; later ones may leave it out. */
  readonly node: NodeInfo | undefined
  readonly typeUrl: string
  readonly subscribe: readonly string[]
  readonly unsubscribe: readonly string[]
  /** On the first request of a type: name → version of what the client holds from an earlier stream. */
  readonly initialVersions: ReadonlyMap<string, string>
  /** Empty unless the request answers a response. */
  readonly nonce: string
  /** Present if that answer is a rejection (NACK). */
  readonly error: string | undefined
}

type Field = (number: number, reader: BinaryReader) => boolean

/** Throws on bytes that are no protobuf message. */
export function decodeRequest(bytes: Uint8Array): DiscoveryRequest {
  let node: NodeInfo | undefined
  let typeUrl = ''
  let nonce = ''
  let error: string | undefined
  const subscribe: string[] = []
  const unsubscribe: string[] = []
  const initialVersions = new Map<string, string>()
  fields(bytes, (number, reader) => {
    if (number === 1) node = nodeInfo(reader.bytes())
    else if (number === 2) typeUrl = reader.string()
    else if (number === 3) subscribe.push(reader.string())
    else if (number === 4) unsubscribe.push(reader.string())
    else if (number === 5) initialVersions.set(...entry(reader.bytes()))
    else if (number === 6) nonce = reader.string()
    else if (number === 7) error = statusMessage(reader.bytes())
    else return false
    return true
  })
  return { node, typeUrl, subscribe, unsubscribe, initialVersions, nonce, error }
}

/**
 * `envoy.config.core.v3.Node`: id = 1, cluster = 2, user_agent_name = 6, user_agent_version = 7,
 * user_agent_build_version = 8.
 */
function nodeInfo(bytes: Uint8Array): NodeInfo {
  let [id, cluster, name, version] = ['', '', '', '']
  fields(bytes, (number, reader) => {
    if (number === 1) id = reader.string()
    else if (number === 2) cluster = reader.string()
    else if (number === 6) name = reader.string()
    else if (number === 7) version = reader.string()
    else if (number === 8) version = buildVersion(reader.bytes())
    else return false
    return true
  })
  return { id, cluster, agent: [name, version].filter(Boolean).join(' ') }
}

/** `BuildVersion.version` = 1 is a `SemanticVersion`: major = 1, minor = 2, patch = 3. */
function buildVersion(bytes: Uint8Array): string {
  const parts = [0, 0, 0]
  fields(bytes, (number, reader) => {
    if (number !== 1) return false
    fields(reader.bytes(), (part, inner) => {
      if (part < 1 || part > 3) return false
      parts[part - 1] = inner.uint32()
      return true
    })
    return true
  })
  return parts.join('.')
}

function entry(bytes: Uint8Array): [string, string] {
  const pair: [string, string] = ['', '']
  fields(bytes, (number, reader) => {
    if (number !== 1 && number !== 2) return false
    pair[number - 1] = reader.string()
    return true
  })
  return pair
}

/** `google.rpc.Status.message` = 2. */
function statusMessage(bytes: Uint8Array): string {
  let message = ''
  fields(bytes, (number, reader) => {
    if (number !== 2) return false
    message = reader.string()
    return true
  })
  return message
}

/** Every field we read but the version's numbers is length-delimited; one of another wire type is not ours. */
function fields(bytes: Uint8Array, read: Field): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    const fits = wireType === WireType.LengthDelimited || wireType === WireType.Varint
    if (!fits || !read(number, reader)) reader.skip(wireType, number)
  }
}

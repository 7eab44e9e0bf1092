/** Messages to bytes. Equal messages give equal bytes on every replica: fields go in order of number, maps in order of key. */
import type { BinaryWriter } from '@bufbuild/protobuf/wire'

/** What a generated message offers: its full name and its codec. */
export interface MessageType<T> {
  readonly $type: string
  encode(message: T, writer?: BinaryWriter): BinaryWriter
}

export interface DecodableType<T> extends MessageType<T> {
  decode(input: Uint8Array): T
}

export function encode<T>(type: MessageType<T>, message: T): Buffer {
  const bytes = type.encode(message).finish()
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Throws on bytes that are no such message. */
export function decode<T>(type: DecodableType<T>, bytes: Uint8Array): T {
  return type.decode(bytes)
}

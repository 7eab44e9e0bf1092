/** Messages to bytes. Equal messages give equal bytes on every replica: fields go in order of number, maps in order of key. */
import { BinaryWriter } from '@bufbuild/protobuf/wire'

/** What a generated message offers: its full name and its codec. */
export interface MessageType<T> {
  readonly $type: string
  encode(message: T, writer?: BinaryWriter): BinaryWriter
}

export interface DecodableType<T> extends MessageType<T> {
  decode(input: Uint8Array): T
}

/** One for all messages: it keeps the room it grew to, where a new one would grow anew by doubling and copying. */
let writer = new BinaryWriter()

export function encode<T>(type: MessageType<T>, message: T): Buffer {
  try {
    return Buffer.from(type.encode(message, writer).finish().buffer)
  } catch (error) {
    // There is half a message in it.
    writer = new BinaryWriter()
    throw error
  }
}

/** Throws on bytes that are no such message. */
export function decode<T>(type: DecodableType<T>, bytes: Uint8Array): T {
  return type.decode(bytes)
}

/** Messages inside messages: an `Any` is bytes with a type URL, and this is the one place that spells type URLs. */
import type { MessageType } from './encode.ts'
import { encode } from './encode.ts'
import type { Any } from './gen/google/protobuf/any.ts'

const PREFIX = 'type.googleapis.com/'

/** The URL by which an `Any` and a discovery response name a message type. */
export function typeUrl(type: { readonly $type: string }): string {
  return PREFIX + type.$type
}

/** The full name of the message type behind a type URL. */
export function typeName(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1)
}

/** The message, encoded and labelled with its type. */
export function any<T>(type: MessageType<T>, message: T): Any {
  return { typeUrl: typeUrl(type), value: encode(type, message) }
}

/** An extension as Envoy's lists of filters, sockets and loggers want it: under a name, by type. */
export function extension<T>(
  name: string,
  type: MessageType<T>,
  message: T,
): { readonly name: string; readonly typedConfig: Any } {
  return { name, typedConfig: any(type, message) }
}

/** The same where the configuration is one of several ways to say it. */
export function filter<T>(
  name: string,
  type: MessageType<T>,
  message: T,
): { readonly name: string; readonly configType: { readonly $case: 'typedConfig'; readonly typedConfig: Any } } {
  return { name, configType: { $case: 'typedConfig', typedConfig: any(type, message) } }
}

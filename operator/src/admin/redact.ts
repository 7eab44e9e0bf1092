/**
 * The last wall between private keys and whoever asks a debug address: values become JSON here and nowhere else.
 * Keys are taken out by type, by the name of their field and by their text; what still looks like one is an error.
 */
import { KeyObject } from 'node:crypto'
import { PrivateKey } from '@smi-mesh/dataplane/mesh'

const REDACTED = '[private key]'
/** As protobuf's JSON and Envoy's YAML spell it. */
const FIELD = /^private_?key$/i
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----/
/** The same in base64 at each of the three places where a byte may stand. */
const ENCODED = encodings(
  '-----BEGIN PRIVATE KEY-----',
  '-----BEGIN EC PRIVATE KEY-----',
  '-----BEGIN RSA PRIVATE KEY-----',
)

/** Indented JSON without private keys. Maps become objects, sets lists, bytes their length. */
export function redactedJson(value: unknown): string {
  const text = JSON.stringify(value, (key, inner: unknown) => (FIELD.test(key) ? REDACTED : plain(inner)), 2) ?? 'null'
  if (looksSecret(text)) throw new TypeError('A private key was about to be shown.')
  return `${text}\n`
}

function plain(value: unknown): unknown {
  if (value instanceof PrivateKey || value instanceof KeyObject) return REDACTED
  if (typeof value === 'string') return looksSecret(value) ? REDACTED : value
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [String(key), inner]))
  if (value instanceof Set) return [...value]
  if (value instanceof Uint8Array || isSerialBuffer(value)) return '[bytes]'
  return value
}

/** A Buffer says so of itself before the replacer sees it. */
function isSerialBuffer(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
}

function looksSecret(text: string): boolean {
  return PEM.test(text) || ENCODED.some(part => text.includes(part))
}

function encodings(...texts: readonly string[]): readonly string[] {
  return texts.flatMap(text =>
    [0, 1, 2].map(offset => {
      const encoded = Buffer.from('\0'.repeat(offset) + text).toString('base64')
      // Characters at either end are made of bytes that are not of this text.
      return encoded.slice(offset === 0 ? 0 : 4, -4)
    }),
  )
}

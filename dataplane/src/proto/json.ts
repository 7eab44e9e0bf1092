/**
 * Bytes to canonical proto3 JSON, nested `Any`s opened: what an Envoy configuration file holds. For golden files and for
 * debugging only; it reads the whole descriptor set on first use.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { typeName } from './any.ts'

let loaded: FileRegistry | undefined

function registry(): FileRegistry {
  loaded ??= createFileRegistry(
    fromBinary(FileDescriptorSetSchema, readFileSync(join(import.meta.dirname, '../../descriptors/envoy.binpb'))),
  )
  return loaded
}

function schema(url: string): DescMessage {
  const found = registry().getMessage(typeName(url))
  if (found === undefined) throw new Error(`${url} is not in descriptors/envoy.binpb; add its package to imports.go.`)
  return found
}

/** The message of that type URL as Envoy's own files spell it: snake case, enums by name, `@type` in every `Any`. */
export function messageJson(url: string, bytes: Uint8Array): JsonValue {
  const type = schema(url)
  return toJson(type, fromBinary(type, bytes), { registry: registry(), useProtoFieldName: true })
}

/** The bytes of a message written as JSON; throws where the text is no such message. */
export function messageBytes(url: string, json: JsonValue): Uint8Array {
  const type = schema(url)
  return toBinary(type, fromJson(type, json, { registry: registry() }))
}

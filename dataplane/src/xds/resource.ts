/** A resource as it goes over the wire: encoded once, named by its content. Knows the envelope, not what is inside. */
import { hash } from 'node:crypto'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { ObjectRef } from '../mesh/object-ref.ts'
import type { EnvoyResource, TypeUrl } from '../mesh/resource.ts'

/** A hash of the message's bytes: the same input has the same version on every replica, for ever. */
export type Version = string

export const NO_VERSIONS: ReadonlyMap<string, Version> = new Map()

export interface Resource {
  readonly type: TypeUrl
  readonly name: string
  readonly version: Version
  /** One `DeltaDiscoveryResponse.resources` element with its tag and length, in pieces: the message among them is no copy. */
  readonly wire: readonly Uint8Array[]
  /** Of all pieces. */
  readonly bytes: number
  readonly from: readonly ObjectRef[]
}

export function versionOf(value: Uint8Array): Version {
  return hash('sha256', value, 'base64url').slice(0, 16)
}

/** One for all: it keeps the room it grew to. */
const writer = new BinaryWriter()
const { LengthDelimited } = WireType

/** Field numbers are those of `envoy.service.discovery.v3.Resource` and `google.protobuf.Any`. */
export function resource({ type, name, value, from }: EnvoyResource): Resource {
  const version = versionOf(value)
  const any = writer.tag(1, LengthDelimited).string(type).tag(2, LengthDelimited).uint32(value.length).finish()
  writer
    .tag(1, LengthDelimited)
    .string(version)
    .tag(2, LengthDelimited)
    .uint32(any.length + value.length)
  const element = writer.raw(any).finish()
  const end = writer.tag(3, LengthDelimited).string(name).finish()
  writer.tag(2, LengthDelimited).uint32(element.length + value.length + end.length)
  const start = writer.raw(element).finish()
  return { type, name, version, wire: [start, value, end], bytes: start.length + value.length + end.length, from }
}

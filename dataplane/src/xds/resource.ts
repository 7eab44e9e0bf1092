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
  /** One `DeltaDiscoveryResponse.resources` element with its tag and length, ready to concatenate. */
  readonly wire: Uint8Array
  readonly from: readonly ObjectRef[]
}

export function versionOf(value: Uint8Array): Version {
  return hash('sha256', value, 'base64url').slice(0, 16)
}

/** One for all: it keeps the room it grew to. */
const writer = new BinaryWriter()

/** Field numbers are those of `envoy.service.discovery.v3.Resource` and `google.protobuf.Any`. */
export function resource({ type, name, value, from }: EnvoyResource): Resource {
  const version = versionOf(value)
  const { LengthDelimited } = WireType
  writer.tag(2, LengthDelimited).fork().tag(1, LengthDelimited).string(version)
  writer.tag(2, LengthDelimited).fork().tag(1, LengthDelimited).string(type)
  writer.tag(2, LengthDelimited).bytes(value).join()
  writer.tag(3, LengthDelimited).string(name).join()
  return { type, name, version, wire: writer.finish(), from }
}

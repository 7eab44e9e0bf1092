/** A resource as it goes over the wire: encoded once, named by its content. Knows the envelope, not what is inside. */
import { createHash } from 'node:crypto'
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
  return createHash('sha256').update(value).digest('base64url').slice(0, 16)
}

/** Field numbers are those of `envoy.service.discovery.v3.Resource` and `google.protobuf.Any`. */
export function resource({ type, name, value, from }: EnvoyResource): Resource {
  const version = versionOf(value)
  const any = new BinaryWriter().tag(1, WireType.LengthDelimited).string(type)
  any.tag(2, WireType.LengthDelimited).bytes(value)
  const element = new BinaryWriter().tag(1, WireType.LengthDelimited).string(version)
  element.tag(2, WireType.LengthDelimited).bytes(any.finish())
  element.tag(3, WireType.LengthDelimited).string(name)
  const wire = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(element.finish()).finish()
  return { type, name, version, wire, from }
}

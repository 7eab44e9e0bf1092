/** Short ways to write an SMI object in a test, and to have it converted. */

import assert from 'node:assert/strict'
import { convert } from '../src/convert.ts'
import { decode } from '../src/decode.ts'
import type { Decoded, HubObject } from '../src/hub.ts'
import type { Fields } from '../src/json.ts'

export interface Metadata {
  readonly name: string
  readonly namespace: string
  readonly annotations?: Readonly<Record<string, string>>
}

export function meta(annotations?: Readonly<Record<string, string>>): Metadata {
  return { name: 'web', namespace: 'shop', ...(annotations === undefined ? {} : { annotations }) }
}

export interface Written {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata
  readonly [field: string]: unknown
}

export function split(version: string, spec: unknown, annotations?: Readonly<Record<string, string>>): Written {
  return { apiVersion: `split.smi-spec.io/${version}`, kind: 'TrafficSplit', metadata: meta(annotations), spec }
}

export function target(version: string, body: Fields, annotations?: Readonly<Record<string, string>>): Written {
  return { apiVersion: `access.smi-spec.io/${version}`, kind: 'TrafficTarget', metadata: meta(annotations), ...body }
}

export function binding(schemes: unknown): Written {
  return { apiVersion: 'access.smi-spec.io/v1alpha4', kind: 'IdentityBinding', metadata: meta(), spec: { schemes } }
}

export function group(version: string, body: Fields, annotations?: Readonly<Record<string, string>>): Written {
  return { apiVersion: `specs.smi-spec.io/${version}`, kind: 'HTTPRouteGroup', metadata: meta(annotations), ...body }
}

export function tcpRoute(version: string, body: Fields, annotations?: Readonly<Record<string, string>>): Written {
  return { apiVersion: `specs.smi-spec.io/${version}`, kind: 'TCPRoute', metadata: meta(annotations), ...body }
}

export function account(name: string): Fields {
  return { kind: 'ServiceAccount', name }
}

/** The object in another version; fails the test if there is none. */
export function converted(object: unknown, to: string): Fields {
  const result = convert(object, to)
  if (result.kind === 'refused') assert.fail(result.problem.message)
  return result.object
}

/** The meaning of an object which is to have one. */
export function decoded(object: unknown): Extract<Decoded, { kind: 'ok' }> {
  const result = decode(object)
  if (result.kind === 'rejected') assert.fail(JSON.stringify(result.problems))
  return result
}

/** The meaning of an object, but for how it was written. */
export function meaningOf(object: unknown): Omit<HubObject, 'apiVersion'> {
  const { apiVersion: _written, ...meaning } = decoded(object).object
  return meaning
}

/** JSON schemas of the served versions. They come from crds/ (`npm run generate`), without descriptions and status. */

import type { KindName, Version } from './kinds.ts'
import { SCHEMAS } from './schemas.gen.ts'

/** The part of JSON schema that CRDs use, in the spelling of ajv, and Kubernetes' mark of an open object. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema
  readonly items?: JsonSchema
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly minProperties?: number
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
}

export function schemaOf(kind: KindName, version: Version): JsonSchema | undefined {
  return SCHEMAS[`${kind} ${version}`]
}

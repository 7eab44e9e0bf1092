/** The CRDs in crds/, read as far as generators and tests need them. The files are ours: what is wrong in them throws. */

import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** A schema as a CRD has it (OpenAPI v3, structural). */
export interface CrdSchema {
  readonly description?: string
  readonly type?: string
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, CrdSchema>>
  readonly additionalProperties?: CrdSchema
  readonly items?: CrdSchema
  readonly enum?: readonly string[]
  readonly nullable?: boolean
  readonly [keyword: string]: unknown
}

export interface CrdVersion {
  readonly name: string
  readonly served: boolean
  readonly storage: boolean
  readonly subresources?: { readonly status?: object }
  readonly additionalPrinterColumns: readonly { readonly name: string; readonly jsonPath: string }[]
  readonly schema: { readonly openAPIV3Schema: CrdSchema }
}

export interface Crd {
  readonly apiVersion: string
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly group: string
    readonly scope: string
    readonly names: {
      readonly kind: string
      readonly listKind: string
      readonly plural: string
      readonly singular: string
      readonly shortNames: readonly string[]
      readonly categories?: readonly string[]
    }
    readonly versions: readonly CrdVersion[]
    readonly conversion?: unknown
  }
}

const folder = new URL('../crds/', import.meta.url)

/** All CRDs, in the order of their file names. */
export function readCrds(): readonly Crd[] {
  const files = readdirSync(folder).filter(file => file.endsWith('.yaml'))
  return files.sort().map(file => parse(readFileSync(new URL(file, folder), 'utf8')) as Crd)
}

/** crds/*.yaml → src/*.gen.ts. Run it by `npm run generate`; a test fails when it has been forgotten. */

import { writeFileSync } from 'node:fs'
import { rootSchema } from './ajv-schema.ts'
import { type Crd, readCrds } from './crd.ts'
import { interfaceText, statusText } from './type-text.ts'

const note = '// Generated from crds/ by scripts/generate.ts. Change those instead.'

const metaText = `/** The metadata of an object, as far as it has meaning here. */
export interface ObjectMeta {
  readonly name: string
  readonly namespace?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}`

/** The text of every generated file, by its name in src/. */
export function generate(crds: readonly Crd[]): Readonly<Record<string, string>> {
  return { 'types.gen.ts': typesText(crds), 'schemas.gen.ts': schemasText(crds) }
}

function typesText(crds: readonly Crd[]): string {
  const interfaces = crds.flatMap(crd => crd.spec.versions.map(version => interfaceText(crd, version)))
  return [note, metaText, ...crds.slice(0, 1).map(statusText), ...interfaces].join('\n\n').concat('\n')
}

function schemasText(crds: readonly Crd[]): string {
  const schemas = crds.flatMap(crd =>
    crd.spec.versions.map(version => [
      `${crd.spec.names.kind} ${version.name}`,
      rootSchema(version.schema.openAPIV3Schema),
    ]),
  )
  const table = JSON.stringify(Object.fromEntries(schemas), undefined, 1)
  const head = "import type { JsonSchema } from './schemas.ts'"
  return [note, head, `export const SCHEMAS: Readonly<Record<string, JsonSchema>> = ${table}`].join('\n\n').concat('\n')
}

if (import.meta.main) {
  for (const [file, text] of Object.entries(generate(readCrds()))) {
    writeFileSync(new URL(`../src/${file}`, import.meta.url), text)
  }
}

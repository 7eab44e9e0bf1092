/** Checks documents against the schemas beside the cases, and says what is wrong in words. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ErrorObject } from 'ajv'

const FOLDER = join(import.meta.dirname, '../..')
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, verbose: true })

const validators = {
  case: ajv.compile(readSchema('cases/case.schema.json')),
  scene: ajv.compile(readSchema('cases/scene.schema.json')),
  mesh: ajv.compile(readSchema('meshes/mesh.schema.json')),
}

function readSchema(name: string): Record<string, unknown> {
  const schema: unknown = JSON.parse(readFileSync(join(FOLDER, name), 'utf8'))
  return typeof schema === 'object' && schema !== null ? { ...schema } : {}
}

/** What is wrong with a document, a sentence for each place; empty where nothing is. */
export function problemsOf(document: unknown, schema: keyof typeof validators): readonly string[] {
  const validate = validators[schema]
  if (validate(document)) return []
  // Of alternatives ajv tells every failure; the summary of an alternative says nothing that its parts do not.
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'oneOf' && keyword !== 'if')
  return [...new Set(errors.map(sentence))]
}

function sentence({ instancePath, keyword, params, message, data }: ErrorObject): string {
  const place = instancePath === '' ? 'the document' : instancePath.slice(1).replaceAll('/', '.')
  if (keyword === 'additionalProperties') {
    return `${place} has no field "${String(params['additionalProperty'])}"; remove it or correct its name.`
  }
  if (keyword === 'required') return `${place} lacks the field "${String(params['missingProperty'])}"; add it.`
  if (keyword === 'enum')
    return `${place} is ${JSON.stringify(data)}; write one of ${listText(params['allowedValues'])}.`
  return `${place} ${message ?? 'is not as the schema wants it'}, and is ${JSON.stringify(data)}.`
}

function listText(values: unknown): string {
  return Array.isArray(values) ? values.map(String).join(', ') : String(values)
}

/** The version of this package, as its package.json says. */
import { readFileSync } from 'node:fs'
import { fieldsOf, textOf } from './facts/read.ts'

/** Empty where package.json says none. */
export function ownVersion(): string {
  const description: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return textOf(fieldsOf(description)['version'])
}

/** A request's headers in the shape in which the model is asked. Knows no rule. */
import type { HttpCall } from '../world.ts'

/** The lines of a request as the model has them: all values of a header under its name in lower case, in the order sent. */
export function headersByName({ headers }: Pick<HttpCall, 'headers'>): Readonly<Record<string, readonly string[]>> {
  const names = new Set(headers.map(([name]) => name.toLowerCase()))
  const valuesOf = (name: string) =>
    headers.flatMap(([sent, value]) => (sent.toLowerCase() === name ? [value.trim()] : []))
  return Object.fromEntries([...names].map(name => [name, valuesOf(name)]))
}

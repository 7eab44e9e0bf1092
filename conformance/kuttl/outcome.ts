/** What came of one case of the public suite, by how kuttl ended and what it printed. Starts nothing. */

/** `unasked`: it failed, but by no traffic step that saw something else, so that nothing is known of the mesh. */
export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'unasked'; readonly why: string }

/** How a traffic step says that the mesh does something else ([harness.ts](harness.ts)). */
const DIFFERS = /^(?:access|spec|split)-[a-z0-9-]+: /

export function outcome(name: string, isGood: boolean, printed: string): Outcome {
  if (isGood) return { kind: 'passed' }
  const step = /^ +case\.go:\d+: failed in step (\S+)$/m.exec(printed)?.[1]
  if (step === undefined) return { kind: 'unasked', why: 'kuttl names no step that failed' }
  const place = ` | ${name}/${step} | `
  const said = printed.split('\n').filter(line => line.includes(place))
  const differs = said.some(line => DIFFERS.test(line.slice(line.indexOf(place) + place.length)))
  return differs ? { kind: 'failed' } : { kind: 'unasked', why: `step ${step} failed before it saw what the mesh does` }
}

/**
 * Makes an operator that can be made wrong: loaded before its `main.ts` (`node --import`), it puts two modules in the place of
 * the product's own as its control plane sees them. The product has no switch for it, and its image none of these files.
 */
import { registerHooks } from 'node:module'

const CONTROL_PLANE = '/operator/src/control-plane.ts'
const IN_PLACE_OF: readonly (readonly [string, string])[] = [
  ['/operator/src/facts/index.ts', './facts.ts'],
  ['/operator/src/compile/index.ts', './compile.ts'],
]

registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context)
    if (context.parentURL?.endsWith(CONTROL_PLANE) !== true) return found
    const [, ours] = IN_PLACE_OF.find(([theirs]) => found.url.endsWith(theirs)) ?? []
    return ours === undefined ? found : { ...found, url: new URL(ours, import.meta.url).href }
  },
})

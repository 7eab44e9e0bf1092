/** What is in a folder of manifests now: names and stamps, no contents. Follows links, ignores what editors leave behind. */
import { type BigIntStats, readdirSync, statSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'

/** Two looks at a file with equal stamps saw the same contents, unless it was written within one tick of the clock. */
export interface Stamp {
  readonly text: string
  readonly size: number
}

export interface Scan {
  readonly files: ReadonlyMap<string, Stamp>
  /** Folders that could not be listed, and why: nothing is known of what is in them. */
  readonly unreadable: ReadonlyMap<string, string>
  /** Every folder that was entered, with what makes it the same folder tomorrow. */
  readonly folders: ReadonlyMap<string, string>
}

const EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json'])

/** Walks a folder, or takes a single file; `enter` is called before a folder is listed, so that it can be watched first. */
export function scan(root: string, enter: (folder: string, id: string) => void): Scan {
  const walk = new Walk(enter)
  walk.visit(root, true)
  return walk
}

class Walk implements Scan {
  readonly files = new Map<string, Stamp>()
  readonly unreadable = new Map<string, string>()
  readonly folders = new Map<string, string>()
  readonly #seen = new Set<string>()
  readonly #enter: (folder: string, id: string) => void

  constructor(enter: (folder: string, id: string) => void) {
    this.#enter = enter
  }

  visit(path: string, isRoot: boolean): void {
    const stat = attempt(() => statSync(path, { bigint: true }))
    if (!stat.ok) {
      // What vanished between listing and looking, and links to nothing, are simply not there. A root must be there.
      if (isRoot || stat.code !== 'ENOENT') this.unreadable.set(path, stat.code)
    } else if (stat.value.isDirectory()) this.#list(path, stat.value)
    else if (stat.value.isFile()) {
      this.files.set(path, stamp(stat.value))
      if (isRoot) this.#enterFolderOf(path)
    }
  }

  /** A file is watched through its folder, because saving often replaces it. */
  #enterFolderOf(path: string): void {
    const folder = dirname(path)
    const stat = attempt(() => statSync(folder, { bigint: true }))
    if (!stat.ok) return
    this.#enter(folder, folderId(stat.value))
    this.folders.set(folder, folderId(stat.value))
  }

  #list(folder: string, stat: BigIntStats): void {
    const id = folderId(stat)
    if (this.#seen.has(id)) return // a link that leads back
    this.#seen.add(id)
    this.#enter(folder, id)
    const names = attempt(() => readdirSync(folder, { withFileTypes: true }))
    if (!names.ok) {
      if (names.code !== 'ENOENT') this.unreadable.set(folder, names.code)
      return
    }
    this.folders.set(folder, id)
    for (const entry of names.value) {
      if (entry.name.startsWith('.')) continue // hidden: locks and swap files of editors, `..data` of mounted volumes
      const isCandidate = EXTENSIONS.has(extname(entry.name))
      if (isCandidate || entry.isDirectory() || entry.isSymbolicLink())
        this.#visitEntry(join(folder, entry.name), isCandidate)
    }
  }

  /** A link may lead to a folder whatever its name; a file counts by its own. */
  #visitEntry(path: string, isCandidate: boolean): void {
    const known = this.files.size
    this.visit(path, false)
    if (!isCandidate && this.files.size > known) this.files.delete(path)
  }
}

/** The number of a folder is given again to the next one, so its birth counts too. */
function folderId(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`
}

function stamp(stat: BigIntStats): Stamp {
  return { text: `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`, size: Number(stat.size) }
}

export type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly code: string }

/** The value, or the system's code for why not (`ENOENT`, `EACCES`). Anything but a system error is a bug and flies. */
export function attempt<T>(look: () => T): Attempt<T> {
  try {
    return { ok: true, value: look() }
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string')
      return { ok: false, code: error.code }
    throw error
  }
}

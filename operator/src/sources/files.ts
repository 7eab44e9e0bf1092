/**
 * A folder of Kubernetes YAML as a source that follows edits. Knows how editors, checkouts and mounts write files; knows
 * nothing of what the objects mean.
 *
 * Three rules keep half-written files from doing harm. A file is taken whole or not at all (its last good objects stay). What
 * an edit would take away is looked at twice, a moment apart, because truncating and moving leave gaps. A folder that is gone,
 * unreadable or was exchanged for an empty one says nothing about its objects.
 */
import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { refText } from '@smi-mesh/dataplane/mesh'
import { Claims } from './claims.ts'
import { LargeFiles } from './large-files.ts'
import type { FileObject } from './parse-file.ts'
import { DEFAULT_PARSING_LIMITS, type ParsingLimits } from './parsing-thread.ts'
import { DEFAULT_READ_LIMITS, type ReadLimits, readManifest, whyUnreadable } from './read-file.ts'
import { attempt, type Scan, type Stamp, scan } from './scan.ts'
import type { Source, SourceObserver, SourceProblem } from './source.ts'

export interface FileSourceOptions extends ReadLimits, ParsingLimits {
  /** Larger files are parsed on a thread of their own. */
  readonly largeFileBytes: number
  /** A quiet moment after the last event, which makes one change of a save in several steps. */
  readonly debounceMs: number
  /** How long a disappearance must last to be believed. */
  readonly confirmMs: number
  /** Whatever no event told of is seen after this long. */
  readonly rescanMs: number
  /** Milliseconds that never go backwards. */
  readonly now: () => number
  /** What is run on that thread, if it is not the parser. */
  readonly parsingProgram?: URL
}

export const DEFAULT_FILE_SOURCE: FileSourceOptions = {
  ...DEFAULT_READ_LIMITS,
  ...DEFAULT_PARSING_LIMITS,
  largeFileBytes: 256 * 1024,
  debounceMs: 3,
  confirmMs: 25,
  rescanMs: 2_000,
  now: () => performance.now(),
}

const GONE = 'gone'

/** What a file holds now, and the stamp it was read under. */
interface Edit {
  readonly stamp: string
  readonly objects: readonly FileObject[]
}

interface Doubt {
  readonly stamp: string
  readonly since: number
}

const kept = (problem: SourceProblem) => ({
  ...problem,
  message: `${problem.message} Until then its last good state stays.`,
})

export class FileSource implements Source {
  readonly #root: string
  readonly #options: FileSourceOptions
  readonly #claims = new Claims()
  readonly #large: LargeFiles
  readonly #stamps = new Map<string, string>()
  readonly #problems = new Map<string, readonly SourceProblem[]>()
  /** Edits that would take objects away, not yet believed. */
  readonly #doubts = new Map<string, Doubt>()
  readonly #watchers = new Map<string, { readonly id: string; readonly watcher: FSWatcher | undefined }>()
  /** Told of by an event: read again even if its stamp says nothing (two writes within one tick of the clock). */
  #touched = new Set<string>()
  #reported: readonly SourceProblem[] = []
  #observer: SourceObserver | undefined
  #synced = false
  #rootId: string | undefined
  /** What the root was when it could last be read: a file in its place is a mistake. */
  #isFolder = false
  #wake: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined
  #rescan: NodeJS.Timeout | undefined

  /** `root` is a folder, or a single file. */
  constructor(root: string, options: Partial<FileSourceOptions> = {}) {
    this.#root = root
    this.#options = { ...DEFAULT_FILE_SOURCE, ...options }
    this.#large = new LargeFiles(this.#options, () => this.#wakeIn(0))
  }

  async start(on: SourceObserver): Promise<void> {
    this.#observer = on
    this.#look()
    this.#rescan = setInterval(() => this.#look(), this.#options.rescanMs)
  }

  async stop(): Promise<void> {
    this.#observer = undefined
    clearInterval(this.#rescan)
    clearTimeout(this.#wake?.timer)
    this.#wake = undefined
    for (const { watcher } of this.#watchers.values()) watcher?.close()
    this.#watchers.clear()
    await this.#large.stop()
  }

  /** One look at the disk: what is new is read, what is believed is told. */
  #look(): void {
    const on = this.#observer
    if (on === undefined) return
    const touched = this.#touched
    this.#touched = new Set()
    const seen = scan(this.#root, (folder, id) => this.#watch(folder, id))
    this.#unwatch(seen)
    if (this.#isTrustworthy(seen)) {
      const { changes, moved } = this.#claims.replace(this.#believed(this.#edits(seen, touched), seen))
      if (changes.length > 0) on.changes(changes)
      if (moved.length > 0) on.moved(moved)
    }
    this.#report(on)
    if (!this.#synced && this.#rootId !== undefined && !this.#large.isParsing) {
      this.#synced = true
      on.synced()
    }
  }

  /** False where the folder itself is gone or was exchanged for an empty one: an unmounted volume, a checkout under way. */
  #isTrustworthy(seen: Scan): boolean {
    const code = seen.unreadable.get(this.#root)
    const id = seen.folders.get(this.#root) ?? seen.files.get(this.#root)?.text
    if (code !== undefined || id === undefined) {
      this.#problems.set(this.#root, [this.#rootProblem(whyUnreadable(code ?? 'ENOENT'))].map(kept))
      return false
    }
    const isFolder = seen.folders.has(this.#root)
    if (this.#isFolder && !isFolder) {
      this.#problems.set(this.#root, [this.#rootProblem(whyUnreadable('ENOTDIR'))].map(kept))
      return false
    }
    const isExchanged = isFolder && this.#rootId !== undefined && this.#rootId !== id
    if (isExchanged && seen.files.size === 0 && this.#claims.size > 0) {
      const message =
        'It was replaced by an empty folder, so its last good state stays. Put the files back, or start again.'
      this.#problems.set(this.#root, [this.#rootProblem(message)])
      return false
    }
    this.#rootId = id
    this.#isFolder = isFolder
    if (isFolder) this.#problems.delete(this.#root)
    for (const [folder, why] of seen.unreadable)
      this.#problems.set(folder, [{ file: folder, where: '', message: whyUnreadable(why) }].map(kept))
    return true
  }

  /** Also says what is in force as long as it lasts. */
  #meanwhile(problem: SourceProblem): SourceProblem {
    if (this.#claims.of(problem.file).length > 0) return kept(problem)
    return { ...problem, message: `${problem.message} Until then nothing of it is in force.` }
  }

  #rootProblem(message: string): SourceProblem {
    return { file: this.#root, where: '', message }
  }

  /** The new contents of each file that differs from what was last taken, with the stamp they were read under. */
  #edits(seen: Scan, touched: ReadonlySet<string>): ReadonlyMap<string, Edit> {
    const edits = new Map<string, Edit>()
    for (const [file, stamp] of seen.files) {
      if (this.#stamps.get(file) === stamp.text && !touched.has(file)) continue
      const objects = this.#read(file, stamp, touched.has(file))
      if (objects !== undefined) edits.set(file, { stamp: stamp.text, objects })
    }
    for (const file of this.#large.files()) if (!seen.files.has(file)) this.#large.forget(file)
    for (const file of new Set([...this.#stamps.keys(), ...this.#claims.files()])) {
      if (!seen.files.has(file) && !isUnder(file, seen.unreadable)) edits.set(file, { stamp: GONE, objects: [] })
    }
    for (const path of this.#problems.keys()) {
      const isKnown = path === this.#root || seen.files.has(path) || isUnder(path, seen.unreadable)
      if (!isKnown) this.#problems.delete(path)
    }
    return edits
  }

  /** Undefined where the file cannot be used, or not yet: what was last taken of it stays. */
  #read(file: string, stamp: Stamp, isTouched: boolean): readonly FileObject[] | undefined {
    const isLarge = stamp.size > this.#options.largeFileBytes
    if (!isLarge) this.#large.forget(file)
    const parsed = isLarge ? this.#large.read(file, stamp, isTouched) : readManifest(file, stamp.size, this.#options)
    switch (parsed.kind) {
      case 'ok':
        this.#problems.delete(file)
        return parsed.objects
      case 'gone':
        return []
      case 'rejected':
        this.#problems.set(
          file,
          parsed.problems.map(problem => this.#meanwhile(problem)),
        )
        this.#take(file, stamp.text)
        return undefined
      case 'failed': {
        const message = `${parsed.message}, or wait: it is tried again.`
        this.#problems.set(file, [this.#meanwhile({ file, where: '', message })])
        return undefined
      }
      case 'parsing':
        return undefined
    }
  }

  /** Nothing more is to be learnt from the file as it is. */
  #take(file: string, stamp: string): void {
    this.#stamps.set(file, stamp)
    this.#large.forget(file)
  }

  /** The edits to apply now. One that loses objects which no edit of this batch brings must look the same for `confirmMs`. */
  #believed(edits: ReadonlyMap<string, Edit>, seen: Scan): ReadonlyMap<string, readonly FileObject[]> {
    for (const file of this.#doubts.keys()) if (!edits.has(file)) this.#doubts.delete(file)
    const believed = new Map(edits)
    let arriving = refsOf(believed)
    let before = -1
    // An edit that is put off brings nothing yet, which may put off others.
    while (before !== believed.size) {
      before = believed.size
      for (const [file, { stamp }] of believed) {
        const isLossy = this.#claims.of(file).some(({ ref }) => !arriving.has(refText(ref)))
        if (isLossy && !this.#isConfirmed(file, stamp)) believed.delete(file)
      }
      arriving = refsOf(believed)
    }
    for (const [file, { stamp }] of believed) {
      this.#doubts.delete(file)
      if (seen.files.has(file)) this.#take(file, stamp)
      else this.#stamps.delete(file)
    }
    return new Map([...believed].map(([file, { objects }]) => [file, objects]))
  }

  #isConfirmed(file: string, stamp: string): boolean {
    const now = this.#options.now()
    const doubt = this.#doubts.get(file)
    const since = doubt?.stamp === stamp ? doubt.since : now
    this.#doubts.set(file, { stamp, since })
    const leftMs = since + this.#options.confirmMs - now
    if (leftMs > 0) this.#wakeIn(leftMs)
    // A file that is being parsed may bring what this one loses.
    const mayArrive = this.#large.isParsing && now < since + this.#options.parsingMs
    return leftMs <= 0 && !mayArrive
  }

  #report(on: SourceObserver): void {
    const problems = [...[...this.#problems.values()].flat(), ...this.#claims.duplicates()].sort((a, b) =>
      a.file < b.file ? -1 : a.file > b.file ? 1 : 0,
    )
    if (isDeepStrictEqual(problems, this.#reported)) return
    this.#reported = problems
    on.problems(problems)
  }

  #watch(folder: string, id: string): void {
    const known = this.#watchers.get(folder)
    if (known?.id === id) return
    known?.watcher?.close()
    const started = attempt(() => watch(folder, { persistent: true }))
    this.#watchers.set(folder, { id, watcher: started.ok ? started.value : undefined })
    // Where the system has no watch to give, the safety scan sees edits later.
    if (!started.ok) return
    started.value.on('change', (_event, name) => {
      if (typeof name === 'string') this.#touched.add(join(folder, name))
      else this.#stamps.clear()
      this.#wakeIn(this.#options.debounceMs)
    })
    started.value.on('error', () => started.value.close())
  }

  #unwatch(seen: Scan): void {
    for (const [folder, { watcher }] of this.#watchers) {
      if (seen.folders.has(folder)) continue
      watcher?.close()
      this.#watchers.delete(folder)
    }
  }

  /** The earliest wish wins, so a stream of events cannot put a look off for ever. */
  #wakeIn(delayMs: number): void {
    if (this.#observer === undefined) return
    const at = this.#options.now() + delayMs
    if (this.#wake !== undefined && this.#wake.at <= at) return
    clearTimeout(this.#wake?.timer)
    const timer = setTimeout(
      () => {
        this.#wake = undefined
        this.#look()
      },
      Math.max(0, delayMs),
    )
    this.#wake = { at, timer }
  }
}

function refsOf(edits: ReadonlyMap<string, Edit>): ReadonlySet<string> {
  return new Set([...edits.values()].flatMap(edit => edit.objects.map(({ ref }) => refText(ref))))
}

/** Whether a path lies in a folder of which nothing is known. */
function isUnder(path: string, folders: ReadonlyMap<string, string>): boolean {
  for (const folder of folders.keys()) if (path === folder || path.startsWith(join(folder, '/'))) return true
  return false
}

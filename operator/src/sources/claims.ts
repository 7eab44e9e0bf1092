/** Which file an object is taken from, where several have one of the same name. Knows no disk. */
import { isDeepStrictEqual } from 'node:util'
import { type ObjectRef, refText } from '@smi-mesh/dataplane/mesh'
import type { FileObject } from './parse-file.ts'
import type { Moved, SourceChange, SourceProblem } from './source.ts'

interface Claim {
  readonly file: string
  readonly found: FileObject
}

/** What those who follow are to be told. */
export interface Replaced {
  readonly changes: readonly SourceChange[]
  readonly moved: readonly Moved[]
}

/** The objects of all files. Of two with the same kind, namespace and name, the first by file name stays. */
export class Claims {
  readonly #files = new Map<string, readonly FileObject[]>()
  /** Sorted by file name, then by place in the file. */
  readonly #claims = new Map<string, readonly Claim[]>()
  readonly #current = new Map<string, FileObject>()

  /** The objects of a file as last taken. */
  of(file: string): readonly FileObject[] {
    return this.#files.get(file) ?? []
  }

  files(): Iterable<string> {
    return this.#files.keys()
  }

  /** What is in force, in the order in which it was first claimed. */
  objects(): readonly FileObject[] {
    return [...this.#current.values()]
  }

  get size(): number {
    return this.#current.size
  }

  /** Replaces the objects of these files (an empty list: the file is gone) and says what changed for those who follow. */
  replace(edits: ReadonlyMap<string, readonly FileObject[]>): Replaced {
    const touched = new Map<string, ObjectRef>()
    for (const [file, objects] of edits) {
      for (const { ref } of this.of(file)) touched.set(refText(ref), ref)
      for (const { ref } of objects) touched.set(refText(ref), ref)
      this.#unclaim(file)
      this.#claim(file, objects)
    }
    const changes: SourceChange[] = []
    const moved: Moved[] = []
    for (const [key, ref] of touched) {
      const before = this.#current.get(key)
      const after = this.#settle(key)
      const origin = after?.origin ?? before?.origin ?? ''
      if (!isDeepStrictEqual(before?.object, after?.object)) changes.push({ ref, object: after?.object, origin })
      else if (before?.origin !== after?.origin) moved.push({ ref, origin })
    }
    return { changes, moved }
  }

  /** One problem for each object that stands in the shadow of another. */
  duplicates(): readonly SourceProblem[] {
    return [...this.#claims].flatMap(([key, claims]) => {
      const [winner, ...shadowed] = claims
      return shadowed.map(({ file, found }) => ({
        file,
        where: `line ${found.origin.slice(found.origin.lastIndexOf(':') + 1)}, metadata.name`,
        message: `${key} is already in ${winner?.found.origin ?? ''}, which stays. Remove or rename one of the two.`,
      }))
    })
  }

  #unclaim(file: string): void {
    for (const { ref } of this.of(file)) {
      const key = refText(ref)
      const rest = (this.#claims.get(key) ?? []).filter(claim => claim.file !== file)
      if (rest.length > 0) this.#claims.set(key, rest)
      else this.#claims.delete(key)
    }
    this.#files.delete(file)
  }

  #claim(file: string, objects: readonly FileObject[]): void {
    if (objects.length > 0) this.#files.set(file, objects)
    for (const found of objects) {
      const key = refText(found.ref)
      const claims = [...(this.#claims.get(key) ?? []), { file, found }]
      this.#claims.set(
        key,
        claims.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0)),
      )
    }
  }

  /** What is in force of an object from now on. */
  #settle(key: string): FileObject | undefined {
    const after = this.#claims.get(key)?.[0]?.found
    if (after === undefined) this.#current.delete(key)
    else this.#current.set(key, after)
    return after
  }
}

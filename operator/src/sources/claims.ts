/** Which file an object is taken from, where several have one of the same name. Knows no disk. */
import { isDeepStrictEqual } from 'node:util'
import { type ObjectRef, refText } from '@smi-mesh/dataplane/mesh'
import type { FileObject } from './parse-file.ts'
import type { SourceChange, SourceProblem } from './source.ts'

interface Claim {
  readonly file: string
  readonly found: FileObject
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

  get size(): number {
    return this.#current.size
  }

  /** Replaces the objects of these files (an empty list: the file is gone) and says what changed for those who follow. */
  replace(edits: ReadonlyMap<string, readonly FileObject[]>): readonly SourceChange[] {
    const touched = new Map<string, ObjectRef>()
    for (const [file, objects] of edits) {
      for (const { ref } of this.of(file)) touched.set(refText(ref), ref)
      for (const { ref } of objects) touched.set(refText(ref), ref)
      this.#unclaim(file)
      this.#claim(file, objects)
    }
    return [...touched].flatMap(([key, ref]) => this.#settle(key, ref))
  }

  /** One problem for each object that stands in the shadow of another. */
  duplicates(): readonly SourceProblem[] {
    return [...this.#claims].flatMap(([key, claims]) => {
      const [winner, ...shadowed] = claims
      return shadowed.map(({ file, found }) => ({
        file,
        where: `line ${found.origin.slice(found.origin.lastIndexOf(':') + 1)}`,
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

  #settle(key: string, ref: ObjectRef): readonly SourceChange[] {
    const before = this.#current.get(key)
    const after = this.#claims.get(key)?.[0]?.found
    if (after === undefined) {
      this.#current.delete(key)
      return before === undefined ? [] : [{ ref, object: undefined, origin: before.origin }]
    }
    this.#current.set(key, after)
    if (before !== undefined && isDeepStrictEqual(before.object, after.object)) return []
    return [{ ref, object: after.object, origin: after.origin }]
  }
}

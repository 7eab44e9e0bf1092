/** Folders and files of manifests, read once: what the commands that answer and end are given. */
import { Claims } from './claims.ts'
import type { FileObject } from './parse-file.ts'
import {
  DEFAULT_READ_LIMITS,
  type ReadFile,
  type ReadLimits,
  readManifest,
  readStandardInput,
  whyUnreadable,
} from './read-file.ts'
import { scan } from './scan.ts'
import type { SourceProblem } from './source.ts'

export interface FilesRead {
  /** In the order of file names and of places in them. */
  readonly objects: readonly FileObject[]
  readonly problems: readonly SourceProblem[]
}

/** On command lines, in the place of a file. */
const STANDARD_INPUT = '-'

export function readFiles(paths: readonly string[], limits: ReadLimits = DEFAULT_READ_LIMITS): FilesRead {
  const files = new Map<string, readonly FileObject[]>()
  const problems: SourceProblem[] = []
  const take = (file: string, read: ReadFile) => {
    if (read.kind === 'ok') files.set(file, read.objects)
    else if (read.kind === 'rejected') problems.push(...read.problems)
  }
  for (const path of new Set(paths)) {
    if (path === STANDARD_INPUT) {
      take(path, readStandardInput(limits))
      continue
    }
    const seen = scan(path, () => {})
    for (const [folder, code] of seen.unreadable)
      problems.push({ file: folder, where: '', message: whyUnreadable(code) })
    for (const [file, stamp] of seen.files) take(file, readManifest(file, stamp.size, limits))
  }
  const claims = new Claims()
  const sorted = new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
  claims.replace(sorted)
  return { objects: claims.objects(), problems: [...problems, ...claims.duplicates()] }
}

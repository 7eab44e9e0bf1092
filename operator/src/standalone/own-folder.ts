/** Temporary folders by whose name one can tell whether anybody uses them still, so that those of killed processes go. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startOf } from './process-start.ts'

/**
 * A fresh folder in `parent` for a process, which removes it when it ends. Those of the same kind that were left by processes
 * which are no more are removed now.
 */
export function ownFolder(parent: string, kind: string, pid: number): string {
  mkdirSync(parent, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(parent)) {
    const [, of, owner, startedAt] = /^([a-z]+)-(\d+)-(\d*)$/.exec(name) ?? []
    if (of !== kind || owner === undefined || startOf(Number(owner)) === startedAt) continue
    rmSync(join(parent, name), { recursive: true, force: true })
  }
  const path = join(parent, `${kind}-${pid}-${startOf(pid) ?? ''}`)
  mkdirSync(path, { mode: 0o700 })
  return path
}

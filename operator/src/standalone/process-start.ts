/** When a process started: with its number, what tells it from another one that is given the number later. */
import { readFileSync } from 'node:fs'
import { attempt } from '../sources/scan.ts'

/** In ticks since boot; undefined where it is gone, a zombie, or the system does not tell. */
export function startOf(pid: number): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  // The name in parentheses may hold anything; what follows the last one is state, parent, … and as the twentieth the start.
  const fields = stat.ok ? stat.value.slice(stat.value.lastIndexOf(')') + 2).split(' ') : []
  return fields[0] === 'Z' ? undefined : fields[19]
}

/**
 * Folders that are made with all that lead to them. Node's own way, `recursive`, never ends where nothing can be made although
 * nothing is there either, as below /proc.
 */
import fs from 'node:fs'
import { dirname } from 'node:path'
import { systemCode } from './mesh-error.ts'

/** One that is there already stays as it is. Throws what the system says. */
export function makeFolder(path: string, mode: number, { mkdirSync }: Pick<typeof fs, 'mkdirSync'> = fs): void {
  const make = () => {
    try {
      mkdirSync(path, { mode })
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
  }
  try {
    make()
  } catch (error) {
    const above = dirname(path)
    if (systemCode(error) !== 'ENOENT' || above === path) throw error
    makeFolder(above, mode, { mkdirSync })
    make()
  }
}

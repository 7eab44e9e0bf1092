/** File operations of a process that is killed at its n-th call: half of what it was writing may be on disk. */
import fs from 'node:fs'
import type { FileOperations } from '../private-files.ts'

export interface DyingFiles {
  readonly operations: FileOperations
  /** How many calls were made before the end. */
  calls(): number
}

export function dyingFiles(killedAt: number): DyingFiles {
  let calls = 0
  const die = () => {
    if (calls++ >= killedAt) throw Object.assign(new Error('killed'), { code: 'EIO' })
  }
  const operations: FileOperations = {
    ...fs,
    writeFileSync: (file, data) => {
      if (calls === killedAt && typeof data === 'string') fs.writeFileSync(file, data.slice(0, data.length / 2))
      die()
      fs.writeFileSync(file, data)
    },
    openSync: (...args) => {
      die()
      return fs.openSync(...args)
    },
    fsyncSync: file => {
      die()
      fs.fsyncSync(file)
    },
    renameSync: (from, to) => {
      die()
      fs.renameSync(from, to)
    },
    linkSync: (from, to) => {
      die()
      fs.linkSync(from, to)
    },
    unlinkSync: path => {
      die()
      fs.unlinkSync(path)
    },
    closeSync: file => fs.closeSync(file), // the system closes the files of the dead
  }
  return { operations, calls: () => calls }
}

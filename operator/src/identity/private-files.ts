/**
 * Files that nobody else may read, replaced as a whole or not at all. Knows the file system, not what is written.
 * Synchronous: they are small, and what is kept must be kept before it is used.
 */
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../make-folder.ts'
import { MeshError, systemCode } from '../mesh-error.ts'

/** The calls that are made, so that a test can end the process between any two of them. */
export type FileOperations = Pick<
  typeof fs,
  | 'closeSync'
  | 'fsyncSync'
  | 'linkSync'
  | 'lstatSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'readFileSync'
  | 'readlinkSync'
  | 'renameSync'
  | 'rmSync'
  | 'symlinkSync'
  | 'unlinkSync'
  | 'writeFileSync'
>

const OWNER_ONLY_FILE = 0o600
const OWNER_ONLY_DIRECTORY = 0o700
const OTHERS = 0o077
/** The names Kubernetes gives to the parts of a mounted Secret, which whoever watches such files knows. */
const LINK = '..data'
const GENERATION = /^\.\.[0-9a-f-]{36}$/
const TEMPORARY = /^\..*\.tmp$/

/** A directory only its owner may enter. */
export class PrivateDirectory {
  readonly path: string
  readonly #fs: FileOperations

  /** Makes the directory if it is missing, refuses one that others may enter, and sweeps what a killed writer left. */
  constructor(path: string, operations: FileOperations = fs) {
    this.path = path
    this.#fs = operations
    this.#attempt(() => makeFolder(path, OWNER_ONLY_DIRECTORY, operations))
    const found = this.#attempt(() => operations.lstatSync(path))
    if (!found.isDirectory()) throw new MeshError('StateDamaged', `${path} is not a directory. Name another one.`)
    if ((found.mode & OTHERS) !== 0) {
      throw new MeshError(
        'StateExposed',
        `Others may enter ${path}, where private keys are kept. Run: chmod 700 ${path}`,
      )
    }
    for (const name of this.names()) if (TEMPORARY.test(name)) this.remove(name)
  }

  /** Names of all that is in it, sorted. */
  names(): readonly string[] {
    return this.#attempt(() => this.#fs.readdirSync(this.path)).sort()
  }

  /** The text of a file; undefined where there is none. */
  read(name: string): string | undefined {
    const path = join(this.path, name)
    try {
      const found = this.#fs.lstatSync(path)
      if ((found.mode & OTHERS) !== 0) {
        throw new MeshError(
          'StateExposed',
          `Others may read ${path}, which holds a private key. Run: chmod 600 ${path}`,
        )
      }
      return this.#fs.readFileSync(path, 'utf8')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw refused(path, error)
    }
  }

  /** Whoever opens the file sees all of the old text or all of the new. `durable`: also after a power cut. */
  replace(name: string, text: string, { durable }: { readonly durable: boolean }): void {
    this.#attempt(() => {
      const temporary = this.#write(name, text, durable)
      this.#fs.renameSync(temporary, join(this.path, name))
      if (durable) this.#syncDirectory()
    })
  }

  /** Like `replace`, but false and without effect where the file exists. */
  create(name: string, text: string): boolean {
    return this.#attempt(() => {
      const temporary = this.#write(name, text, true)
      try {
        this.#fs.linkSync(temporary, join(this.path, name))
      } catch (error) {
        if (systemCode(error) === 'EEXIST') return false
        throw error
      } finally {
        this.#fs.unlinkSync(temporary)
      }
      this.#syncDirectory()
      return true
    })
  }

  /** Removes a file, if it is there. */
  remove(name: string): void {
    this.#attempt(() => {
      try {
        this.#fs.unlinkSync(join(this.path, name))
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error
      }
    })
  }

  /**
   * Replaces several files as one: whoever opens any two of them after a change in this directory finds two of a kind.
   * They stand in a directory of their own behind the link `..data`, which is what changes; the one before is left in place
   * for readers that are half through it.
   */
  replaceTogether(files: Readonly<Record<string, string>>): void {
    this.#attempt(() => {
      const before = this.names().filter(name => GENERATION.test(name))
      const current = this.#linkedGeneration()
      const generation = `..${randomUUID()}`
      this.#fs.mkdirSync(join(this.path, generation), { mode: OWNER_ONLY_DIRECTORY })
      for (const [name, text] of Object.entries(files)) {
        this.#fs.writeFileSync(join(this.path, generation, name), text, { mode: OWNER_ONLY_FILE, flag: 'wx' })
      }
      const link = join(this.path, `.${LINK}.${randomUUID()}.tmp`)
      this.#fs.symlinkSync(generation, link)
      this.#fs.renameSync(link, join(this.path, LINK))
      for (const name of Object.keys(files)) this.#linkInto(name)
      for (const old of before) if (old !== current) this.#fs.rmSync(join(this.path, old), { recursive: true })
    })
  }

  #linkedGeneration(): string | undefined {
    try {
      return this.#fs.readlinkSync(join(this.path, LINK), 'utf8')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  #linkInto(name: string): void {
    try {
      this.#fs.symlinkSync(join(LINK, name), join(this.path, name))
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
  }

  #write(name: string, text: string, durable: boolean): string {
    const temporary = join(this.path, `.${name}.${randomUUID()}.tmp`)
    const file = this.#fs.openSync(temporary, 'wx', OWNER_ONLY_FILE)
    try {
      this.#fs.writeFileSync(file, text)
      if (durable) this.#fs.fsyncSync(file)
    } finally {
      this.#fs.closeSync(file)
    }
    return temporary
  }

  #syncDirectory(): void {
    const directory = this.#fs.openSync(this.path, 'r')
    try {
      this.#fs.fsyncSync(directory)
    } finally {
      this.#fs.closeSync(directory)
    }
  }

  #attempt<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw refused(this.path, error)
    }
  }
}

/** What the operating system refused, in our words; anything else stays what it is. */
function refused(path: string, cause: unknown): unknown {
  const code = systemCode(cause)
  if (code === undefined || cause instanceof MeshError) return cause
  const message = `${path} can neither be read nor written just now (${code}). See that it exists, is yours and has space.`
  return new MeshError('StateUnavailable', message, { cause })
}

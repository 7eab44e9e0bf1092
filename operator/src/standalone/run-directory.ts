/**
 * The folder in which one `smictl up` keeps what it runs: who it is, which processes are its own, their logs and bootstraps.
 * The folder may be the user's own and hold anything else: what is removed has a name that only we give.
 */
import { createHash } from 'node:crypto'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import type { PodKey } from '@smi-mesh/dataplane/mesh'
import { attempt } from '../sources/scan.ts'
import { startOf } from './process-start.ts'
import { endGroup } from './supervised-process.ts'

export type Claimed =
  | { readonly kind: 'claimed'; readonly directory: RunDirectory; readonly ended: number }
  | { readonly kind: 'taken'; readonly pid: number }
  | { readonly kind: 'unusable'; readonly message: string }

/** The run directory of a folder of YAML, unless the user names another one. */
export function runDirectoryOf(temporary: string, uid: number, folder: string): string {
  const name = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 8)
  return join(temporary, `smi-mesh-${uid}`, name)
}

export class RunDirectory {
  readonly path: string
  readonly #pids = new Map<number, string>()

  private constructor(path: string) {
    this.path = path
  }

  /** Takes a folder over, and ends the processes that a killed predecessor left there. */
  static claim(path: string, self: number, uid: number): Claimed {
    const made = attempt(() => mkdirSync(path, { recursive: true, mode: 0o700 }))
    if (!made.ok)
      return { kind: 'unusable', message: `${path} cannot be made (${made.code}). Name another one with --state-dir.` }
    const stat = statSync(path)
    if (stat.uid !== uid || (stat.mode & 0o022) !== 0) {
      return {
        kind: 'unusable',
        message: `${path} can be written by others. Remove it, or name another one with --state-dir.`,
      }
    }
    const owner = readProcesses(join(path, 'owner.json'))[0]
    if (owner !== undefined && owner.pid !== self && isAlive(owner)) return { kind: 'taken', pid: owner.pid }
    const ended = endLeft(path)
    const prepared = attempt(() => prepare(path))
    if (!prepared.ok) {
      return {
        kind: 'unusable',
        message: `${path} cannot be used (${prepared.code}). Name another one with --state-dir.`,
      }
    }
    const directory = new RunDirectory(path)
    writeFileSync(join(path, 'owner.json'), JSON.stringify([{ pid: self, startedAt: startOf(self) }]), { mode: 0o600 })
    return { kind: 'claimed', directory, ended }
  }

  /** Removes what killed runs of other folders left behind, as they would have when they end; `parent` is where all are. */
  static sweep(parent: string, uid: number): void {
    const names = attempt(() => readdirSync(parent))
    for (const path of names.ok ? names.value.filter(name => RUN.test(name)).map(name => join(parent, name)) : []) {
      const stat = attempt(() => lstatSync(path))
      if (!stat.ok || !stat.value.isDirectory() || stat.value.uid !== uid) continue
      const owner = readProcesses(join(path, 'owner.json'))[0]
      if (owner === undefined || isAlive(owner)) continue
      endLeft(path)
      new RunDirectory(path).release()
    }
  }

  note(pid: number): void {
    this.#pids.set(pid, startOf(pid) ?? '')
    this.#write()
  }

  forget(pid: number): void {
    this.#pids.delete(pid)
    this.#write()
  }

  /** Where a program of a pod writes what it says. */
  logFile(pod: PodKey, program: string): string {
    return join(this.path, 'logs', `${pod.replace('/', '_')}.${program}.log`)
  }

  /** Writes a file that only its owner may read. */
  writeFile(name: string, text: string): string {
    const path = join(this.path, 'pods', name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }

  /** Removes what it made, but for the logs. Identities are kept by those who made them. */
  release(): void {
    const pods = join(this.path, 'pods')
    removeOwn(pods, POD_FILE)
    attempt(() => rmdirSync(pods)) // stays where someone else keeps something in it
    for (const name of STATE_FILES) rmSync(join(this.path, name), { force: true })
  }

  #write(): void {
    const processes = [...this.#pids].map(([pid, startedAt]) => ({ pid, startedAt }))
    // Replaced as a whole: killed while writing, it would not know what to end the next time.
    const aside = join(this.path, 'processes.json.new')
    writeFileSync(aside, JSON.stringify(processes), { mode: 0o600 })
    renameSync(aside, join(this.path, 'processes.json'))
  }
}

const STATE_FILES = ['owner.json', 'processes.json', 'processes.json.new'] as const
/** As `runDirectoryOf` names it. */
const RUN = /^[0-9a-f]{8}$/
/** Bootstrap, admin socket and credentials of the pod with this subnet. */
const POD_FILE = /^\d{1,3}\.(json|sock|credentials)$/
/** Namespace, pod and program, as `logFile` puts them together. */
const LOG_FILE = /^[a-z0-9-]+_[a-z0-9.-]+\.[a-z0-9-]+\.log$/
const FOLDERS = [
  ['pods', POD_FILE],
  ['logs', LOG_FILE],
] as const

/** Makes room for a run, which keeps nothing of the last one but identities. */
function prepare(path: string): void {
  for (const name of STATE_FILES) rmSync(join(path, name), { force: true })
  for (const [name, ours] of FOLDERS) {
    mkdirSync(join(path, name), { recursive: true, mode: 0o700 })
    removeOwn(join(path, name), ours)
  }
}

function removeOwn(folder: string, ours: RegExp): void {
  const names = attempt(() => readdirSync(folder))
  for (const name of names.ok ? names.value : [])
    if (ours.test(name)) rmSync(join(folder, name), { recursive: true, force: true })
}

/** How many processes a killed run left behind; they are ended. */
function endLeft(path: string): number {
  const left = readProcesses(join(path, 'processes.json')).filter(isAlive)
  for (const { pid } of left) endGroup(pid, 'SIGKILL')
  return left.length
}

interface ProcessRecord {
  readonly pid: number
  readonly startedAt: string
}

function readProcesses(file: string): readonly ProcessRecord[] {
  const text = attempt(() => readFileSync(file, 'utf8'))
  if (!text.ok) return []
  try {
    const found: unknown = JSON.parse(text.value)
    return Array.isArray(found) ? found.filter(isRecord) : []
  } catch {
    return [] // no file of ours
  }
}

function isRecord(value: unknown): value is ProcessRecord {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startedAt' in value)) return false
  return typeof value.pid === 'number' && value.pid > 1 && typeof value.startedAt === 'string'
}

/** The same process, and not another one that was given its number later. */
function isAlive({ pid, startedAt }: ProcessRecord): boolean {
  return startedAt !== '' && startOf(pid) === startedAt
}

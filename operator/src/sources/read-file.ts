/** One manifest file on disk → its objects, or why they cannot be had. */
import { readFileSync } from 'node:fs'
import { type ParsedFile, parseFile } from './parse-file.ts'
import { attempt } from './scan.ts'

export interface ReadLimits {
  readonly maxFileBytes: number
}

/** Parsing takes a second and most of a hundred megabytes of memory for each megabyte. */
export const DEFAULT_READ_LIMITS: ReadLimits = { maxFileBytes: 16 * 1024 * 1024 }

/** `gone`: it vanished since it was listed. */
export type ReadFile = ParsedFile | { readonly kind: 'gone' }

export function readManifest(file: string, size: number, limits: ReadLimits): ReadFile {
  const read = readBytes(file, size, limits)
  return read.kind === 'bytes' ? parseBytes(file, read.bytes) : read
}

type ReadBytes = Exclude<ReadFile, { readonly kind: 'ok' }> | { readonly kind: 'bytes'; readonly bytes: Uint8Array }

/** What is in a file, or why it is not looked at. */
export function readBytes(file: string, size: number, limits: ReadLimits): ReadBytes {
  if (size > limits.maxFileBytes) return tooLarge(file, size, limits)
  const bytes = attempt(() => readFileSync(file))
  if (bytes.ok) return { kind: 'bytes', bytes: bytes.value }
  return bytes.code === 'ENOENT' ? { kind: 'gone' } : problem(file, whyUnreadable(bytes.code))
}

/** The objects that come by standard input, to its end. */
export function readStandardInput(limits: ReadLimits): ParsedFile {
  const file = 'standard input'
  const bytes = attempt(() => readFileSync(process.stdin.fd))
  if (!bytes.ok) return problem(file, `It cannot be read (${bytes.code}). Pipe YAML into it, or name a file.`)
  if (bytes.value.length > limits.maxFileBytes) return tooLarge(file, bytes.value.length, limits)
  return parseBytes(file, bytes.value)
}

/** The objects in the bytes of a file. */
export function parseBytes(file: string, bytes: Uint8Array): ParsedFile {
  const text = decodeText(bytes)
  return text === undefined
    ? problem(file, 'This file is not encoded in UTF-8. Save it as UTF-8.')
    : parseFile(file, text)
}

/** Why a file or folder cannot be read, and what to do. */
export function whyUnreadable(code: string): string {
  const why =
    {
      EACCES: 'is not readable for this user. Change its permissions',
      EPERM: 'is not readable for this user. Change its permissions',
      ENOENT: 'does not exist. Create it',
      ENOTDIR: 'is no folder. Name a folder of YAML files',
      ELOOP: 'is a link that leads to itself. Remove it',
      EMFILE: 'cannot be opened, because too many files are open. Raise the limit (ulimit -n)',
    }[code] ?? `cannot be read (${code}). Check the disk and the mount`
  return `It ${why}.`
}

function tooLarge(file: string, size: number, { maxFileBytes }: ReadLimits) {
  const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`
  const message = `This file has ${megabytes(size)}; more than ${megabytes(maxFileBytes)} is not read. Split it.`
  return problem(file, message)
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function problem(file: string, message: string): Extract<ParsedFile, { readonly kind: 'rejected' }> {
  return { kind: 'rejected', problems: [{ file, where: '', message }] }
}

/** One event a line, `key=value`, for the person on call. Knows how things are written and that keys never are. */
import { KeyObject } from 'node:crypto'
import { PrivateKey } from '@smi-mesh/dataplane/mesh'
import { MeshError } from '../mesh-error.ts'

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof LEVELS)[number]

/** What a line says beside its event. Left out where undefined. */
export type Fields = Readonly<Record<string, unknown>>

export interface Log {
  debug(event: string, fields?: Fields): void
  info(event: string, fields?: Fields): void
  warn(event: string, fields?: Fields): void
  error(event: string, fields?: Fields): void
}

export interface LogOptions {
  /** Receives whole lines, each with its line break; to standard error in production. */
  readonly write: (line: string) => void
  /** Wall clock. */
  readonly now: () => number
  readonly level: Level
}

export function createLog({ write, now, level }: LogOptions): Log {
  const least = LEVELS.indexOf(level)
  const at = (own: Level) => (event: string, fields?: Fields) => {
    if (LEVELS.indexOf(own) >= least) write(line({ time: new Date(now()).toISOString(), level: own, event, ...fields }))
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** One logfmt line. @example line({ event: 'settled', ms: 1.8 }) // 'event=settled ms=1.8\n' */
export function line(fields: Fields): string {
  const parts = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key.replaceAll(/[^\w.-]/g, '_')}=${quoted(text(value))}`],
  )
  return `${parts.join(' ')}\n`
}

const KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g
const REDACTED = '[private key]'

function text(value: unknown): string {
  if (typeof value === 'string') return value.replaceAll(KEY, REDACTED)
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000)
  if (value instanceof Error) return text(errorText(value))
  if (typeof value !== 'object' || value === null) return String(value)
  return text(JSON.stringify(value, (_key, inner: unknown) => plain(inner)) ?? String(value))
}

/** Values that JSON would spell out at length, or as an empty object. */
function plain(value: unknown): unknown {
  if (value instanceof PrivateKey || value instanceof KeyObject) return REDACTED
  if (value instanceof Uint8Array) return `[${value.length} bytes]`
  if (value instanceof Error) return errorText(value)
  if (value instanceof Map) return Object.fromEntries(value)
  if (value instanceof Set) return [...value]
  return typeof value === 'bigint' ? String(value) : value
}

/** With the causes: the innermost one is what happened. */
function errorText(error: Error): string {
  const own = error instanceof MeshError ? `${error.code}: ${error.message}` : `${error.name}: ${error.message}`
  return error.cause instanceof Error ? `${own} (${errorText(error.cause)})` : own
}

function quoted(value: string): string {
  return /^[^\s"=\\\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value)
}

/** Remembers in which state each subject was last, so that a state is told once, when it begins. */
export class StateChanges {
  readonly #states = new Map<string, string>()

  /** Whether the subject was not in this state when last asked about. */
  entered(subject: string, state: string): boolean {
    if (this.#states.get(subject) === state) return false
    this.#states.set(subject, state)
    return true
  }

  forget(subject: string): void {
    this.#states.delete(subject)
  }
}

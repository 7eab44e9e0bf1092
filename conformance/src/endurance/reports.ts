/** What clients have counted, from the files they write. A file outlives its pod, and is read without any API server. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fields, list, text } from '../oracle/read.ts'

export interface Report {
  readonly pod: string
  /** Of what was begun, by kind: `post`, `grpc`, `stream`, `socket`. */
  readonly answered: Readonly<Record<string, number>>
  readonly failed: number
  /** Streams that were left for others. */
  readonly moved: number
  /** The first failures, in words. */
  readonly failures: readonly string[]
  /** It ended by itself, with nothing left undone. */
  readonly ended: boolean
  readonly slowestMs: number
}

/** Of each pod that has written one, by name. */
export function reportsIn(folder: string): readonly Report[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .sort()
    .map(name => reportOf(name.slice(0, -'.json'.length), readFileSync(join(folder, name), 'utf8')))
}

function reportOf(pod: string, json: string): Report {
  const { answered, failed, moved, failures, ended, slowestMs } = {
    ...{ answered: {}, failed: {}, moved: {}, failures: [], ended: false, slowestMs: 0 },
    ...fields(JSON.parse(json)),
  }
  return {
    pod,
    answered: counts(answered),
    failed: sum(Object.values(counts(failed))),
    moved: sum(Object.values(counts(moved))),
    failures: list(failures).map(text),
    ended: Boolean(ended),
    slowestMs: Number(slowestMs),
  }
}

function counts(value: unknown): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(fields(value)).map(([kind, count]) => [kind, Number(count)]))
}

export interface Figures {
  readonly answered: Readonly<Record<string, number>>
  readonly total: number
  readonly failed: number
  readonly moved: number
  /** With the pod that tells. */
  readonly failures: readonly string[]
}

export function together(reports: readonly Report[]): Figures {
  const kinds = [...new Set(reports.flatMap(({ answered }) => Object.keys(answered)))]
  const answered = Object.fromEntries(kinds.map(kind => [kind, sum(reports.map(one => one.answered[kind] ?? 0))]))
  return {
    answered,
    total: sum(Object.values(answered)),
    failed: sum(reports.map(({ failed }) => failed)),
    moved: sum(reports.map(({ moved }) => moved)),
    failures: reports.flatMap(({ pod, failures }) => failures.map(failure => `${pod} ${failure}`)),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

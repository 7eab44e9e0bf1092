/** What a rule says of an object, before it is decided what that means for the object. */

import type { Problem } from './problem.ts'

/**
 * - `reject`: the object has no meaning, or one that must not be carried out.
 * - `deny`: it must not be written, but has a safe meaning if it is stored already (other tools let it in).
 * - `warn`: its author should know.
 */
export type Severity = 'reject' | 'deny' | 'warn'

export interface Ruling extends Problem {
  readonly severity: Severity
}

export function reject(path: string, rule: string, message: string): Ruling {
  return { severity: 'reject', path, message, rule }
}

export function deny(path: string, rule: string, message: string): Ruling {
  return { severity: 'deny', path, message, rule }
}

export function warn(path: string, rule: string, message: string): Ruling {
  return { severity: 'warn', path, message, rule }
}

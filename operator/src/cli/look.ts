/** What a check is given, what it may answer, and how it asks: beneath the checks themselves, and knowing none of them. */
import { type Fields, fieldsOf, textOf } from '../facts/read.ts'
import type { KubernetesClient } from '../kubernetes/index.ts'
import { MeshError } from '../mesh-error.ts'

export interface Looking {
  readonly api: Pick<KubernetesClient, 'get' | 'list' | 'create' | 'postReview' | 'served' | 'version' | 'fromPod'>
  /** Of the mesh. */
  readonly namespace: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly signal: AbortSignal
}

/** `note` is what was seen, for the curious; `message` what is wrong and what to do, in full sentences. */
export type Outcome =
  | { readonly kind: 'fine'; readonly note?: string }
  | { readonly kind: 'warning' | 'failed'; readonly message: string }
  | { readonly kind: 'skipped'; readonly message: string }

export type Look = (looking: Looking) => Promise<Outcome>

/** All of a list, or why it cannot be had by whoever asks. */
export async function itemsOf(
  list: () => AsyncIterable<{ readonly items: readonly Fields[] }>,
): Promise<readonly Fields[] | MeshError> {
  const items: Fields[] = []
  try {
    for await (const page of list()) items.push(...page.items)
    return items
  } catch (error) {
    if (error instanceof MeshError && ['ApiForbidden', 'ApiNotFound'].includes(error.code)) return error
    throw error
  }
}

export function skipped(error: unknown, what: string): Outcome {
  const why = error instanceof MeshError && error.code === 'ApiForbidden' ? 'may not be read by you' : 'are not there'
  return { kind: 'skipped', message: `Not looked at: ${what} ${why}.` }
}

/** For what went wrong while looking; bugs fly. */
export function failedBy(error: unknown): Outcome {
  if (error instanceof MeshError) return { kind: 'failed', message: error.message }
  throw error
}

export function nameOf(object: Fields): string {
  return textOf(fieldsOf(object['metadata'])['name'])
}

/** NaN where it never was. */
export function renewedAt(lease: Fields): number {
  return Date.parse(textOf(fieldsOf(lease['spec'])['renewTime']))
}

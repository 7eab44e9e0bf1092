/** The answer to a review of a pod that is being created: never a refusal; what stands in the way is an event. */
import { isDeepStrictEqual } from 'node:util'
import { type Fields, fieldsOf } from '../facts/read.ts'
import type { AdmissionRequest, JsonPatch, Verdict } from './admission-review.ts'
import { inject, type SkipReason } from './inject.ts'
import type { InjectContext } from './inject-context.ts'

export interface PodJudged {
  readonly verdict: Verdict
  /** For the pod's owner to see; undefined where there is nothing to tell. */
  readonly event?: { readonly reason: SkipReason; readonly message: string }
}

export function judgePod(request: AdmissionRequest, context: Omit<InjectContext, 'namespace'>): PodJudged {
  const { object, operation, namespace } = request
  if (object === undefined || operation !== 'CREATE') return { verdict: { kind: 'allowed', warnings: [] } }
  const injection = inject(object, { ...context, namespace })
  if (injection.kind === 'injected') {
    const { pod, warnings } = injection
    return { verdict: { kind: 'allowed', warnings, patch: podPatch(object, pod) } }
  }
  const { reason, message, pod } = injection
  if (message === '') return { verdict: { kind: 'allowed', warnings: [] } }
  return { verdict: { kind: 'allowed', warnings: [message], patch: podPatch(object, pod) }, event: { reason, message } }
}

/** Whole fields, since lists of containers are in an order. Empty where nothing changes. */
export function podPatch(before: Fields, after: Fields): JsonPatch {
  const parts = [
    ['metadata', 'annotations'],
    ['spec', 'initContainers'],
    ['spec', 'containers'],
    ['spec', 'volumes'],
  ] as const
  return parts.flatMap(([part, field]) => {
    const value = fieldsOf(after[part])[field]
    if (isDeepStrictEqual(fieldsOf(before[part])[field], value)) return []
    return [{ op: 'add', path: `/${part}/${field}`, value }]
  })
}

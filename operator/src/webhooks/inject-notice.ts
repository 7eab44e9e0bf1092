/**
 * Time for callers to learn that a pod ends, before its application is told to. A server that hears of its end at once closes
 * connections while requests are on their way on them; by HTTP/1.1 nobody can tell whether it has read those, so nobody may
 * ask again.
 */
import { type Fields, fieldsOf, listOf } from '../facts/read.ts'

/** A hook that waits, for containers that serve (they declare ports) and have no such hook of their own. */
export function withNotice(containers: readonly Fields[], seconds: number): readonly Fields[] {
  if (seconds === 0) return containers
  return containers.map(container => {
    const lifecycle = fieldsOf(container['lifecycle'])
    if (listOf(container['ports']).length === 0 || lifecycle['preStop'] !== undefined) return container
    return { ...container, lifecycle: { ...lifecycle, preStop: { sleep: { seconds } } } }
  })
}

/** Most of a pod's grace stays its application's own. */
export function noticeWithin(graceSeconds: number, wanted: number): number {
  return Math.min(wanted, Math.floor(graceSeconds / 4))
}

/** What stands in an object's status, and what it should be made to say. Knows times of transition; asks nobody. */
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import type { Condition } from './conditions.ts'

/** A condition as it is written. */
export interface WrittenCondition extends Condition {
  /** As `Time` of Kubernetes is written: whole seconds. */
  readonly lastTransitionTime: string
}

/** What is known of an object whose status is ours to write. */
export interface Written {
  readonly uid: string
  readonly generation: number
  /** By type, whoever wrote them. */
  readonly conditions: ReadonlyMap<string, Fields>
}

export function writtenIn(object: unknown): Written {
  const { metadata, status } = fieldsOf(object)
  const generation = fieldsOf(metadata)['generation']
  return {
    uid: textOf(fieldsOf(metadata)['uid']),
    generation: typeof generation === 'number' ? generation : 0,
    conditions: new Map(
      listOf(fieldsOf(status)['conditions'])
        .map(fieldsOf)
        .map(condition => [textOf(condition['type']), condition]),
    ),
  }
}

/** Whether the object says already what is wanted. */
export function says({ conditions }: Written, wanted: readonly Condition[]): boolean {
  return wanted.every(condition => {
    const found = conditions.get(condition.type)
    return (
      found !== undefined &&
      found['status'] === condition.status &&
      found['reason'] === condition.reason &&
      textOf(found['message']) === condition.message &&
      found['observedGeneration'] === condition.observedGeneration
    )
  })
}

/** With the time at which each took its status: that of before, where the status is the same. */
export function timed(
  wanted: readonly Condition[],
  { conditions }: Written,
  nowMs: number,
): readonly WrittenCondition[] {
  const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`
  return wanted.map(condition => {
    const before = conditions.get(condition.type)
    const since = before?.['status'] === condition.status ? textOf(before['lastTransitionTime']) : ''
    return { ...condition, lastTransitionTime: since === '' ? now : since }
  })
}

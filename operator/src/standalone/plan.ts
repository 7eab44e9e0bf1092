/** Which pods to start and which to stop next, so that a Service always has someone who answers. Pure. */
import { type PodKey, refText } from '@smi-mesh/dataplane/mesh'
import type { DesiredPod } from './desired.ts'

export interface RunningPod {
  readonly pod: DesiredPod
  readonly state: PodState
}

/** `unready`: started and not (or no longer) able to answer. `stopping`: told to nobody any more, ending its last requests. */
export type PodState = 'unready' | 'ready' | 'stopping'

export interface Plan {
  readonly start: readonly DesiredPod[]
  readonly stop: readonly PodKey[]
}

/**
 * New pods first: pods of an older revision go once all pods of the new one are ready, or at once where they are not ready
 * themselves. Pods that keep their name (StatefulSet, DaemonSet, Pod) are exchanged one by one, highest name first.
 */
export function plan(desired: readonly DesiredPod[], running: readonly RunningPod[]): Plan {
  const runningByKey = new Map(running.map(pod => [pod.pod.key, pod]))
  const wanted = new Map(desired.map(pod => [pod.key, pod]))
  const start = desired.filter(pod => !runningByKey.has(pod.key))
  const unsettled = new Set<string>()
  const revisions = new Map<string, string>()
  for (const pod of desired) {
    const controller = refText(pod.controller)
    const present = runningByKey.get(pod.key)
    revisions.set(controller, pod.revision)
    if (present?.pod.revision !== pod.revision || present.state !== 'ready') unsettled.add(controller)
  }
  const exchange = exchanged(wanted, running, new Set(start.map(pod => refText(pod.controller))))
  const stop = running.filter(({ pod, state }) => {
    if (state === 'stopping') return false
    if (wanted.has(pod.key)) return exchange.has(pod.key)
    const controller = refText(pod.controller)
    const isOutdated = revisions.has(controller) && revisions.get(controller) !== pod.revision
    return !(isOutdated && state === 'ready' && unsettled.has(controller))
  })
  return { start, stop: stop.map(({ pod }) => pod.key) }
}

/** Of each controller, the one pod whose turn it is to come back with its new revision, and all that are not ready anyway. */
function exchanged(
  wanted: ReadonlyMap<PodKey, DesiredPod>,
  running: readonly RunningPod[],
  incomplete: ReadonlySet<string>,
): ReadonlySet<PodKey> {
  const keys = new Set<PodKey>()
  for (const [controller, group] of Map.groupBy(running, ({ pod }) => refText(pod.controller))) {
    const outdated = group.filter(({ pod }) => {
      const next = wanted.get(pod.key)
      return next !== undefined && next.revision !== pod.revision
    })
    for (const { pod, state } of outdated) if (state === 'unready') keys.add(pod.key)
    const isCalm = !incomplete.has(controller) && group.every(({ state }) => state === 'ready')
    const last = outdated.toSorted((a, b) => b.pod.name.localeCompare(a.pod.name, 'en', { numeric: true }))[0]
    if (isCalm && last !== undefined) keys.add(last.pod.key)
  }
  return keys
}

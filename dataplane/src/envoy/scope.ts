/** Which resources a workload's proxies are told of: an ordered list of groups, of which the later win. */
import {
  type GroupKey,
  groupAll,
  groupOfIdentity,
  groupOfService,
  groupOfWorkload,
  groupOpen,
  groupRedirected,
  type ServiceKey,
  type Workload,
} from '../mesh/index.ts'

/**
 * `reached` are the restricted services its identity may call. What is nobody's secret comes first, what is the workload's own
 * last: a service in reach replaces the refusal of the same name.
 */
export function scopeOf(workload: Workload, reached: Iterable<ServiceKey>): readonly GroupKey[] {
  return [
    groupAll(),
    ...(workload.capture.kind === 'redirect' ? [groupRedirected()] : []),
    groupOpen(),
    ...[...new Set(reached)].sort().map(groupOfService),
    groupOfIdentity(workload.identity),
    groupOfWorkload(workload.key),
  ]
}

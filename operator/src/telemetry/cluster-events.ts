/** What happens between a replica and the API server, as log lines and numbers. One line when a state begins, one when it ends. */
import type { LeaseEvent } from '../leader/index.ts'
import type { WaitEvent } from '../readiness.ts'
import type { ReflectorEvent } from '../sources/index.ts'
import type { StatusEvent } from '../status/index.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

export interface ClusterEvents {
  readonly reflector: (kind: string, event: ReflectorEvent) => void
  readonly lease: (event: LeaseEvent) => void
  readonly wait: (event: WaitEvent) => void
  /** By how much our clock is ahead of the API server's; undefined once they agree. */
  readonly clock: (aheadMs: number | undefined) => void
  readonly status: (event: StatusEvent) => void
}

const CLOCK_ADVICE = "Set this machine's clock, or the API server's: beyond 15 minutes, proxies refuse certificates."

export function reportCluster(log: Log, metrics: Metrics): ClusterEvents {
  return {
    reflector: (kind, event) => {
      switch (event.kind) {
        case 'listed': {
          const { objects, changed, removed } = event
          metrics.add('smi_source_lists_total', { kind })
          log.info('listed', { kind, objects, changed, removed })
          break
        }
        case 'broken':
          metrics.add('smi_source_breaks_total', { kind })
          log.debug('watch broken', { kind, error: event.error })
          break
        case 'audited':
          metrics.add('smi_source_audits_total', { kind })
          metrics.add('smi_source_audit_differences_total', { kind }, event.differences)
          if (event.differences > 0) log.error('audit found differences', { kind, differences: event.differences })
      }
    },
    lease: event => {
      if (event.kind === 'acquired') log.info('leading')
      else if (event.kind === 'lost') log.warn('leading no more', { to: event.to === '' ? undefined : event.to })
      else if (event.first) log.warn('lease cannot be kept', { error: event.error })
    },
    wait: event => {
      if (event.kind === 'waits') log.warn('waiting', { for: event.what, error: event.error })
      else log.info('waited', { for: event.what })
    },
    clock: aheadMs => {
      if (aheadMs === undefined) log.info('clocks agree')
      else log.error('clocks differ', { aheadSeconds: Math.round(aheadMs / 1000), advice: CLOCK_ADVICE })
    },
    status: event => {
      if (event.kind === 'written') metrics.add('smi_status_writes_total')
      else {
        metrics.add('smi_status_failures_total')
        const { kind, namespace, name } = event.ref
        const line = { object: `${kind} ${namespace}/${name}`, error: event.error }
        log[event.first ? 'warn' : 'debug']('status not written', line)
      }
    },
  }
}

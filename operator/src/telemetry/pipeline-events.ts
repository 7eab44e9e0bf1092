/** Revisions, proxies and sources as log lines and numbers. Nothing at info is written per proxy or per object. */
import type { Settled } from '@smi-mesh/dataplane/derive'
import { TypeUrl } from '@smi-mesh/dataplane/mesh'
import type { Committed } from '@smi-mesh/dataplane/serve'
import type { XdsEvents } from '@smi-mesh/dataplane/xds'
import type { SourceProblem } from '../sources/source.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { seldom } from './seldom.ts'

export interface PipelineEvents extends XdsEvents {
  readonly settled: (settled: Settled, committed: Committed, ms: number) => void
  readonly sourceProblems: (problems: readonly SourceProblem[]) => void
}

const LABELS = new Map<string, string>(Object.entries(TypeUrl).map(([label, url]) => [url, label]))

/** `cluster` for the type URL of clusters, and so on. */
export function typeLabel(type: TypeUrl): string {
  return LABELS.get(type) ?? type
}

export function reportPipeline(log: Log, metrics: Metrics): PipelineEvents {
  return {
    ...reportXds(log, metrics),
    settled: reportSettled(log, metrics),
    sourceProblems: reportProblems(log, metrics),
  }
}

function reportSettled(log: Log, metrics: Metrics): PipelineEvents['settled'] {
  return (settled, committed, ms) => {
    metrics.add('smi_settle_revisions_total')
    metrics.took('smi_settle_duration_seconds', ms)
    metrics.add('smi_encode_resources_total', {}, committed.changed)
    metrics.add('smi_encode_bytes_total', {}, committed.bytes)
    let recomputed = 0
    for (const [table, runs] of settled.recomputed) {
      recomputed += runs
      metrics.add('smi_settle_recomputed_total', { table }, runs)
    }
    for (const { table, key, error } of settled.failures) {
      metrics.add('smi_settle_failures_total', { table })
      log.error('computation failed', { table, key, error })
    }
    const { changed, bytes } = committed
    if (recomputed + changed > 0) log.info('settled', { revision: settled.revision, recomputed, changed, bytes, ms })
  }
}

/** A problem is told when it comes and when it goes, however often the list is. */
function reportProblems(log: Log, metrics: Metrics): PipelineEvents['sourceProblems'] {
  let known = new Set<string>()
  return problems => {
    const current = new Set<string>()
    for (const problem of problems) {
      const text = `${problem.file} ${problem.where} ${problem.message}`
      current.add(text)
      if (known.has(text)) continue
      metrics.add('smi_source_problems_total')
      log.warn('source problem', { file: problem.file, where: problem.where, message: problem.message })
    }
    if (known.size > 0 && current.size === 0) log.info('source problems solved')
    known = current
  }
}

function reportXds(log: Log, metrics: Metrics): XdsEvents {
  const tellCrowded = seldom<string>(
    () => performance.now(),
    address => log.warn('too many connections of proxies', { address }),
  )
  return {
    connected: ({ node }) => {
      metrics.add('smi_xds_connections_total')
      log.debug('proxy connected', { node: node.id })
    },
    disconnected: ({ node }, reason) => log.debug('proxy disconnected', { node: node.id, reason }),
    refused: (reason, address) => {
      metrics.add('smi_xds_refusals_total')
      log.warn('proxy refused', { address, reason })
    },
    crowded: address => {
      metrics.add('smi_xds_crowded_total')
      tellCrowded(address)
    },
    pushed: (type, resources, removed, bytes) => {
      const labels = { type: typeLabel(type) }
      metrics.add('smi_xds_pushes_total', labels)
      metrics.add('smi_xds_pushed_resources_total', labels, resources + removed)
      metrics.add('smi_xds_pushed_bytes_total', labels, bytes)
    },
    acked: (type, latencyMs) => {
      metrics.add('smi_xds_acks_total', { type: typeLabel(type) })
      metrics.took('smi_xds_ack_duration_seconds', latencyMs, { type: typeLabel(type) })
    },
    rejected: (rejection, { node }) => {
      const type = typeLabel(rejection.type)
      metrics.add('smi_xds_nacks_total', { type })
      log.warn('proxy rejected a resource', { node: node.id, type, names: rejection.names, message: rejection.message })
    },
    failed: error => {
      metrics.add('smi_xds_failures_total')
      log.error('stream failed', { error })
    },
  }
}

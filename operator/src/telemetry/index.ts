/** What the control plane tells those who run it: lines and numbers. */
export { type ClusterEvents, reportCluster } from './cluster-events.ts'
export { EventLoopDelay } from './event-loop.ts'
export { reportIdentity } from './identity-events.ts'
export { createLog, type Fields, LEVELS, type Level, type Log, line, StateChanges } from './log.ts'
export { type ClusterReadings, Metrics, type Readings } from './metrics.ts'
export { type PipelineEvents, reportPipeline, typeLabel } from './pipeline-events.ts'
export { seldom } from './seldom.ts'

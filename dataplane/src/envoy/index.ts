/** Envoy's side of the data plane: the mesh as Envoy resources, and the bootstrap of a proxy that asks for them. */
export type { AccessLogMode } from './access-log.ts'
export {
  type BootstrapOptions,
  bootstrap,
  type CredentialFiles,
  credentialDescriptions,
  credentialFiles,
  type StaticResources,
  type XdsSecurity,
} from './bootstrap.ts'
export { REASON, REASON_HEADER, UNSENT_HEADER } from './local-reply.ts'
export * from './names.ts'
export { APPLICATION_DSCP, CAPTURE_PORT, INBOUND_PORT, READY_PORT, STATS_PORT } from './ports.ts'
export type { Probe } from './probe.ts'
export { type DerivedResources, deriveResources, type ResourceOptions, type SecretTables } from './resources.ts'
export { scopeOf } from './scope.ts'
export { scopedResources } from './scoped.ts'
export { STAT_SCOPE } from './stat-scope.ts'
export { type StaticListenerOptions, staticListeners } from './static-listeners.ts'
export { METADATA } from './stats.ts'
export { type TokenFiles, tokenDescriptions, tokenFiles } from './token.ts'

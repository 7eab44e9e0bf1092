/** Envoy's side of the data plane: the mesh as Envoy resources, and the bootstrap of a proxy that asks for them. */
export type { AccessLogMode } from './access-log.ts'
export { APPLICATION_DSCP } from './application-mark.ts'
export {
  type BootstrapOptions,
  bootstrap,
  type CredentialFiles,
  credentialDescriptions,
  credentialFiles,
  type StaticResources,
  type XdsSecurity,
} from './bootstrap.ts'
export { INBOUND_PORT } from './inbound.ts'
export { REASON, REASON_HEADER, UNSENT_HEADER } from './local-reply.ts'
export * from './names.ts'
export { CAPTURE_PORT } from './outbound.ts'
export type { Probe } from './probe.ts'
export { type DerivedResources, deriveResources, type ResourceOptions, type SecretTables } from './resources.ts'
export { scopeOf } from './scope.ts'
export { scopedResources } from './scoped.ts'
export { READY_PORT, STATS_PORT, type StaticListenerOptions, staticListeners } from './static-listeners.ts'
export { METADATA, STAT_SCOPE } from './stats.ts'
export { type TokenFiles, tokenDescriptions, tokenFiles } from './token.ts'

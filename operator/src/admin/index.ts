/** What may be asked of a running control plane. */
export { redactedJson } from './redact.ts'
export { type Admin, type AdminOptions, type AdminProviders, startAdmin } from './server.ts'

/** Identity events as log lines and numbers. A failure is counted every time and logged when it begins and ends. */
import type { CredentialEvent, IdentityEvent } from '../identity/index.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/** The `onEvent` of the issuer and of the credential folders. */
export function reportIdentity(log: Log, metrics: Metrics): (event: IdentityEvent | CredentialEvent) => void {
  return event => {
    count(event, metrics)
    write(event, log)
  }
}

function count(event: IdentityEvent | CredentialEvent, metrics: Metrics): void {
  switch (event.kind) {
    case 'issued':
      metrics.add('smi_identity_issued_total', { reason: event.reason })
      break
    case 'issueFailed':
      metrics.add('smi_identity_failures_total')
      break
    case 'storeFailed':
      metrics.add('smi_identity_store_failures_total', { what: event.what })
      break
    case 'credentialsFailed':
      metrics.add('smi_identity_store_failures_total', { what: 'credentials' })
  }
}

function write(event: IdentityEvent | CredentialEvent, log: Log): void {
  switch (event.kind) {
    case 'issued':
      log.debug('certificate issued', { identity: event.identity, reason: event.reason, until: day(event.notAfter) })
      break
    case 'issueFailed':
      if (event.first) log.error('certificate not issued', { identity: event.identity, error: event.error })
      break
    case 'issueRecovered':
      log.info('certificate issued again', { identity: event.identity, attempts: event.attempts })
      break
    case 'rootsChanged':
      log.info('roots', {
        roots: event.roots.map(({ id, role, notAfter }) => `${role} ${id.slice(0, 16)} until ${day(notAfter)}`),
      })
      break
    case 'storeFailed':
      if (event.first) log.error('identities not kept', { what: event.what, error: event.error })
      break
    case 'storeRecovered':
      log.info('identities kept again', { what: event.what })
      break
    case 'leafDiscarded':
      log.info('kept certificate discarded', { what: event.what, reason: event.reason })
      break
    case 'clockStepped':
      log.warn('clock was set back', { seconds: event.byMs / 1000 })
      break
    case 'credentialsFailed':
      if (event.first) log.error('credentials of a proxy not written', { folder: event.folder, error: event.error })
      break
    case 'credentialsRecovered':
      log.info('credentials of a proxy written again', { folder: event.folder })
      break
    default:
      event satisfies never
  }
}

function day(ms: number): string {
  return new Date(ms).toISOString()
}

/** Who a workload is: a ServiceAccount, as a SPIFFE ID (SPIFFE-ID §2). Knows the spelling, not the certificates. */
import type { Brand } from './keys.ts'

/** `spiffe://<trust-domain>/ns/<namespace>/sa/<service-account>`. */
export type SpiffeId = Brand<string, 'SpiffeId'>

export interface ServiceAccountName {
  readonly namespace: string
  readonly serviceAccount: string
}

export function spiffeId(trustDomain: string, account: ServiceAccountName): SpiffeId {
  return `spiffe://${trustDomain}/ns/${account.namespace}/sa/${account.serviceAccount}` as SpiffeId
}

const SHAPE = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/

/** The typed pair behind an identity; undefined for anything that is not of this mesh's shape. */
export function parseSpiffeId(
  id: string,
): (ServiceAccountName & { readonly id: SpiffeId; readonly trustDomain: string }) | undefined {
  const [, trustDomain, namespace, serviceAccount] = SHAPE.exec(id) ?? []
  if (trustDomain === undefined || namespace === undefined || serviceAccount === undefined) return undefined
  return { id: id as SpiffeId, trustDomain, namespace, serviceAccount }
}

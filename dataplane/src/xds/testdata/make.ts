/** Small resources, requests and catalogs for tests. */
import type { WorkloadKey } from '../../mesh/keys.ts'
import type { EnvoyResource, GroupKey, TypeUrl } from '../../mesh/resource.ts'
import type { DiscoveryRequest } from '../request.ts'

export const group = (text: string) => text as GroupKey
export const scopeKey = (text: string) => text as WorkloadKey

/** A resource whose message is this text. */
export function envoyResource(of: GroupKey, type: TypeUrl, name: string, text: string): EnvoyResource {
  const from = [{ kind: 'Test', namespace: 'default', name }]
  return { group: of, type, name, value: Buffer.from(text), from }
}

export function request(typeUrl: TypeUrl, fields: Partial<DiscoveryRequest> = {}): DiscoveryRequest {
  const empty = {
    node: undefined,
    subscribe: [],
    unsubscribe: [],
    initialVersions: new Map(),
    nonce: '',
    error: undefined,
  }
  return { typeUrl, ...empty, ...fields }
}

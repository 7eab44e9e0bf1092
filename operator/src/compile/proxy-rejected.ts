/** What a proxy that refuses configuration means for the objects it was made from. */
import type { ObjectRef } from '@smi-mesh/dataplane/mesh'
import { quoted } from '../facts/reduced.ts'
import { type Finding, finding } from './finding.ts'

export function proxyRejected(about: ObjectRef, { message }: { readonly message: string }): Finding {
  const sentence = `A proxy refused configuration made from this object and keeps what it had: ${quoted(message)}. If the object looks right, please report it.`
  return finding(about, 'ProxyRejected', '', sentence)
}
